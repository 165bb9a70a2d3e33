// Sends messages by nodemailer.
//
//   send.cjs HOST:PORT '{"to": address, "from": address, "subject": text, "text": text,
//     "campaign": name, "messages": n, "connections": n, "ca": file?, "user": name?, "password": word?}'
//
// Each message goes to "to" with its number in place of {n}, all of them through one pool. With "ca"
// it goes through STARTTLS, verified by that certificate. Ends with 1 if a message was not accepted.
'use strict';

const fs = require('node:fs');
const nodemailer = require('nodemailer');

async function main() {
  const [host, port] = process.argv[2].split(':');
  const order = JSON.parse(process.argv[3]);
  const transport = nodemailer.createTransport({
    host,
    port: Number(port),
    name: 'client.test',
    pool: true,
    maxConnections: order.connections,
    maxMessages: Infinity,
    requireTLS: 'ca' in order,
    ignoreTLS: !('ca' in order),
    tls: 'ca' in order ? { ca: fs.readFileSync(order.ca), servername: 'localhost' } : undefined,
    auth: 'user' in order ? { user: order.user, pass: order.password } : undefined,
  });
  const sending = Array.from({ length: order.messages }, (_, number) =>
    transport.sendMail({
      from: order.from,
      to: order.to.replace('{n}', number),
      subject: order.subject,
      text: order.text,
      headers: { 'X-Postrider-Campaign': order.campaign },
    }),
  );
  await Promise.all(sending);
  transport.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
