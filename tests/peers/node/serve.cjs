// An SMTP server that we did not write: npm's smtp-server, keeping what it accepts.
//
//   serve.cjs JOURNAL TERMS
//
// TERMS is a file with JSON: {"certificate": PEM?, "key": PEM?, "user": name?, "password": word?,
// "mechanisms": [name]?}. With a certificate it takes no mail before STARTTLS, with a user none
// before AUTH. It knows nobody whose name begins with "bad": 550 5.1.1.
// Listens on a free port of 127.0.0.1 and prints the port as its first line. Each accepted message
// is a JSON line in JOURNAL before the client reads its 250: {"mail_from", "rcpt_tos",
// "data_base64"}, the data without dot-stuffing. Ends when its standard input ends.
'use strict';

const fs = require('node:fs');
const { SMTPServer } = require('smtp-server');

const journal = fs.openSync(process.argv[2], 'a');
const terms = JSON.parse(fs.readFileSync(process.argv[3]));

function refusal(code, text) {
  return Object.assign(new Error(text), { responseCode: code });
}

const server = new SMTPServer({
  name: 'smtp-server.test',
  logger: false,
  disableReverseLookup: true,
  hideSTARTTLS: !terms.certificate,
  ...(terms.certificate ? { cert: terms.certificate, key: terms.key } : {}),
  authOptional: !terms.user,
  disabledCommands: terms.user ? [] : ['AUTH'],
  authMethods: terms.mechanisms ?? [],

  onAuth(auth, session, done) {
    const secret = auth.method === 'XOAUTH2' ? auth.accessToken : auth.password;
    const isRight = auth.username === terms.user && secret === terms.password;
    done(isRight ? null : refusal(535, '5.7.8 wrong user or password'), { user: auth.username });
  },

  onMailFrom(address, session, done) {
    done(terms.certificate && !session.secure ? refusal(530, '5.7.0 STARTTLS comes first') : null);
  },

  onRcptTo(address, session, done) {
    done(address.address.startsWith('bad') ? refusal(550, '5.1.1 no such user here') : null);
  },

  onData(stream, session, done) {
    const pieces = [];
    stream.on('data', (piece) => pieces.push(piece));
    stream.on('end', () => {
      const entry = {
        mail_from: session.envelope.mailFrom.address,
        rcpt_tos: session.envelope.rcptTo.map((recipient) => recipient.address),
        data_base64: Buffer.concat(pieces).toString('base64'),
      };
      fs.writeSync(journal, JSON.stringify(entry) + '\n');
      done();
    });
  },
});

// A client that goes away in the middle is an error too, but none of ours.
server.on('error', (error) => {
  if (!server.server.listening) throw error;
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.server.address().port}\n`));
process.stdin.resume().on('end', () => process.exit(0));
