// A page in a browser, which tells a server of what happened: browser.cjs ADDRESS PAGE KEY STRATEGY NAME. It ends
// when nothing is left to be delivered, and prints whom the library called, and why it gave up what it gave up.
const { readFileSync } = require('node:fs')
const { JSDOM, VirtualConsole } = require('jsdom')

const [address, url, writeKey, strategy, name] = process.argv.slice(2)
const virtualConsole = new VirtualConsole() // of its own: answers will be lost, and it would say so
const { window } = new JSDOM('', { url, runScripts: 'outside-only', virtualConsole })
const called = new Set()
const { open } = window.XMLHttpRequest.prototype
window.XMLHttpRequest.prototype.open = function (method, whom, ...more) {
  called.add(whom)
  return open.call(this, method, whom, ...more)
}
window.eval(readFileSync(require.resolve('@segment/analytics-next/dist/umd/index.js'), 'utf8'))

const { host } = new URL(address)
const deliveryStrategy = { strategy, config: { size: 3, timeout: 50 } }
const settings = { apiKey: writeKey, apiHost: `${host}/v1`, protocol: 'http', deliveryStrategy }
const analytics = window.AnalyticsNext.AnalyticsBrowser.load({
  writeKey,
  cdnSettings: { integrations: { 'Segment.io': settings }, metrics: { sampleRate: 0 } },
})
const errors = []
analytics.on('error', (error) => errors.push(error.code))

const when = { timestamp: new Date('2026-01-31T12:00:00Z') }
analytics.setAnonymousId(`${name}-a`)
analytics.page(null, 'pricing', {}, when)
analytics.identify(name, { email: `${name}@example.com`, firstName: 'Bea' }, when)
analytics.track('Clicked', { on: 'buy', price: 12.5 }, when)
analytics.group('acme', { plan: 'gold' }, when)
analytics.alias(name, `${name}-b`, when)
analytics.screen(null, 'home', {}, when)
analytics.track('Wrote', { text: 'x'.repeat(40_000) }, when) // more than a call may have
process.on('exit', () => console.log(JSON.stringify({ called: [...called].sort(), errors })))
