// BullMQ's worker: ten jobs at once, one for each recipient, sent by nodemailer's pool.
const fs = require('node:fs')
const path = require('node:path')
const { Worker } = require('bullmq')
const nodemailer = require('nodemailer')

const CONNECTIONS = 10
const { PEERS_LETTER, PEERS_PORT, PEERS_REDIS } = process.env
const html = fs.readFileSync(path.join(PEERS_LETTER, 'letter.html'), 'utf8')
const text = fs.readFileSync(path.join(PEERS_LETTER, 'letter.txt'), 'utf8')

const transport = nodemailer.createTransport({
  pool: true,
  maxConnections: CONNECTIONS,
  host: '127.0.0.1',
  port: Number(PEERS_PORT),
  secure: false,
  ignoreTLS: true
})

async function send (job) {
  const { email, name } = job.data
  await transport.sendMail({
    from: 'News <news@example.test>',
    to: email,
    subject: `Hello ${name}`,
    text: text.replaceAll('{{ name }}', name),
    html: html.replaceAll('{{ name }}', name)
  })
}

const worker = new Worker('news', send, {
  concurrency: CONNECTIONS,
  connection: { path: PEERS_REDIS, maxRetriesPerRequest: null }
})
worker.on('error', (error) => console.error(error))
worker.waitUntilReady().then(() => console.log('ready'))
