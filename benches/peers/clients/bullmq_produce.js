// BullMQ's producer: `bullmq_produce.js COUNT`, a job for each recipient, a thousand at a time.
const { Queue } = require('bullmq')

const JOBS_PER_CALL = 1000

async function main (count) {
  const queue = new Queue('news', { connection: { path: process.env.PEERS_REDIS } })
  await queue.waitUntilReady()
  console.log('begin')
  for (let first = 0; first < count; first += JOBS_PER_CALL) {
    const jobs = []
    for (let number = first; number < Math.min(first + JOBS_PER_CALL, count); number++) {
      jobs.push({ name: 'send', data: { email: `reader${number}@dest.test`, name: `Reader ${number}` } })
    }
    await queue.addBulk(jobs)
  }
  await queue.close()
}

main(Number(process.argv[2]))
