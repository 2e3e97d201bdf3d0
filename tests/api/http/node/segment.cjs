// Tells a server, by its library, of what happened: segment.cjs ADDRESS KEY. Prints what was delivered.
const { Analytics } = require('@segment/analytics-node')

const [host, writeKey] = process.argv.slice(2)
const analytics = new Analytics({ writeKey, host, flushAt: 4, maxRetries: 5, flushInterval: 50 })
const told = []
analytics.on('error', (error) => told.push(`error: ${error.code}`))
for (const call of ['identify', 'track', 'page', 'screen', 'group', 'alias']) {
  analytics.on(call, (context) => told.push(context.event.type))
}

const timestamp = new Date('2026-01-31T12:00:00Z')
const who = { userId: 'node-1', anonymousId: 'node-a', timestamp }
analytics.identify({ ...who, traits: { email: 'Node@Example.com', firstName: 'Noa' } })
analytics.track({ ...who, event: 'Clicked', properties: { on: 'buy', price: 12.5 } })
analytics.page({ ...who, name: 'pricing', properties: { url: 'https://example.com/pricing' } })
analytics.screen({ ...who, name: 'home' })
analytics.group({ ...who, groupId: 'acme' })
analytics.alias({ userId: 'node-1', previousId: 'node-b', timestamp })
analytics.closeAndFlush().then(() => console.log(JSON.stringify(told.sort())))
