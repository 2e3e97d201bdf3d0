// Computes stored_bytes.json: what the book stores of an event, by a second implementation that
// shares nothing with the first. Standard library only:
//
//     node tests/vectors/compute.mjs > tests/vectors/stored_bytes.json
//
// body  canonical JSON (RFC 8785): names sorted by UTF-16 code units, values as JSON.stringify
//       writes them; absent fields are left out; times are UTC with six decimals
// leaf  SHA-256(0x00 ‖ u64be(recorded_at µs) ‖ u32be(length of body) ‖ body ‖ personal)
// root  RFC 6962 §2.1 over the leaves so far
//
// `personal` stands in the file as [hex, times]: the bytes, repeated.

import { createHash } from "node:crypto";

const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

const canonical = (value) => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
  return `{${members.join(",")}}`;
};

const utc = (text) => {
  const [, y, mo, d, h, mi, s, us, sign, oh, om] = text.match(
    /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{6})([+-])(\d\d):(\d\d)$/,
  );
  const moment = new Date(0);
  moment.setUTCFullYear(+y, mo - 1, +d);
  moment.setUTCHours(+h, +mi, +s);
  const offset = (+oh * 60 + +om) * (sign === "+" ? 1 : -1);
  const shifted = new Date(moment.getTime() - offset * 60_000);
  return `${shifted.toISOString().slice(0, 19)}.${us}Z`;
};

const body = (event) => {
  const { personal: _personal, tags, ...clear } = event;
  const envelope = { ...clear, occurred_at: utc(event.occurred_at) };
  if (tags.length > 0) envelope.tags = tags;
  return Buffer.from(canonical(envelope), "utf8");
};

const leaf = (recordedAtUs, bodyBytes, personal) => {
  const head = Buffer.alloc(13);
  head.writeBigUInt64BE(BigInt(recordedAtUs), 1);
  head.writeUInt32BE(bodyBytes.length, 9);
  return sha256(head, bodyBytes, personal);
};

const root = (leaves) => {
  if (leaves.length === 0) return sha256("");
  if (leaves.length === 1) return leaves[0];
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return sha256(Buffer.from([1]), root(leaves.slice(0, split)), root(leaves.slice(split)));
};

const plain = (n, type, domain, occurredAt, data, more = {}) => ({
  id: `00000000-0000-8000-8000-${n.toString(16).padStart(12, "0")}`,
  type,
  version: 1,
  domain,
  occurred_at: occurredAt,
  source: "shop",
  tags: [],
  personal: ["", 0],
  data,
  ...more,
});

const CUSTOMER = "7d0f2c3a-5b1e-4c8f-9a6d-3e2b1f0c4d5a";

const EVENTS = [
  ["no data at all", 1_767_225_600_000_000,
    plain(1, "chat.started", "touchpoint", "2026-01-01T00:00:00.000000+00:00", {})],
  ["all optional ids, tags in the order given", 1_767_225_600_000_001,
    plain(2, "order.placed", "touchpoint", "2025-12-31T23:59:59.999999-03:30",
      { quantity: 3, currency: "BRL", amount_minor: 123_456 },
      {
        customer: CUSTOMER,
        actor: "11111111-2222-4333-8444-555555555555",
        correlation: "ffffffff-ffff-4fff-bfff-ffffffffffff",
        causation: "00000000-0000-8000-8000-000000000001",
        tags: ["order:5f0c", "market:BR", "campaign:verão/2026"],
        personal: ["00ff10", 64],
      })],
  ["five scripts", 1_767_225_600_000_001,
    plain(3, "notice.published", "consent", "2026-02-28T23:30:00.000000+05:30", {
      hi: "बही में लिखा हुआ", ml: "കണക്കുപുസ്തകം", gu: "ચોપડો", ja: "台帳に記す「一度だけ」", ar: "دفتر الحسابات",
    })],
  ["accents composed and decomposed are kept as they come", 1_767_225_600_000_002,
    plain(4, "notice.published", "consent", "2026-02-28T23:30:00.000000+01:00", {
      composed: "Zoë", decomposed: "Zoe\u0308", greek: "ὦ", latin: "Ĳßﬁ",
    })],
  ["escapes", 1_767_225_600_500_000,
    plain(5, "custom.tracked", "touchpoint", "2026-03-01T00:00:00.000000+14:00", {
      quote: 'say "hi"', slashes: "a\\b/c", html: "<script>&amp;'</script>", separators: "\u2028\u2029",
      '"name"\\': "a name that needs escaping",
    })],
  ["control characters", 1_767_225_600_500_000,
    plain(6, "custom.tracked", "touchpoint", "2026-03-01T00:00:00.000000-12:00", {
      short: "\b\t\n\f\r", long: "\u0001\u000b\u001b\u001f", raw: "\u007f\u0080\u009f\u00a0",
    })],
  ["emoji and other characters past U+FFFF, and U+FFFF itself", 1_767_225_600_500_001,
    plain(7, "custom.tracked", "touchpoint", "2026-03-29T02:30:00.123456+01:00", {
      family: "👩‍👩‍👧‍👦", flag: "🇮🇳", gothic: "𐌰𐌱", last: "\u{10ffff}\uffff\ufeff",
    }, { tags: ["campaign:🎉"] })],
  ["names are sorted, at every depth", 1_767_225_600_500_002,
    plain(8, "schema.registered", "reference", "2026-04-01T12:00:00.000000+00:00", {
      b: { z: 1, a: { y: [], x: {} } }, a: 1, B: 2, A: 3, aa: 4, _: 5, 10: 6, 9: 7, "": 8, "a.b": 9,
    })],
  ["lists in lists, and every kind of value", 1_767_225_600_500_002,
    plain(9, "custom.tracked", "touchpoint", "2026-04-01T12:00:00.000000+00:00", {
      nested: [[], [[]], [1, [2, [3, ["four"]]]], { in: [true, false, null] }],
      whole: [0, -1, 9_007_199_254_740_991, -9_007_199_254_740_991],
      empty: ["", {}, []],
    })],
  ["before 1970", 1_767_225_600_500_003,
    plain(10, "customer.identified", "touchpoint", "1969-07-20T21:17:40.000001+01:00", { language: "en" },
      { customer: CUSTOMER, personal: ["a5", 192] })],
  ["the first moment there is", 1_767_225_600_500_003,
    plain(11, "rate.published", "reference", "0001-01-01T00:00:00.000000+00:00", { rate_millionths: 1 })],
  ["the last moment there is, and a far later recording", 7_602_069_023_999_999,
    plain(12, "rate.published", "reference", "9999-12-31T23:59:59.999999+00:00", { rate_millionths: 1 },
      { version: 12, source: "bank:ecb/daily" })],
  ["a large sealed part", 8_000_000_000_000_000,
    plain(13, "message.received", "touchpoint", "2026-05-05T05:05:05.050505+05:45", { channel: "email" },
      { customer: CUSTOMER, personal: ["00112233445566778899aabbccddeeff", 12_288] })],
];

const leaves = [];
const vectors = EVENTS.map(([name, recordedAtUs, event]) => {
  const personal = Buffer.alloc(event.personal[0].length / 2 * event.personal[1], event.personal[0], "hex");
  const bodyBytes = body(event);
  leaves.push(leaf(recordedAtUs, bodyBytes, personal));
  return {
    name,
    recorded_at_us: recordedAtUs,
    event,
    body: bodyBytes.toString("utf8"),
    leaf: leaves.at(-1).toString("hex"),
    root: root(leaves).toString("hex"),
  };
});
console.log(JSON.stringify(vectors, null, 2));
