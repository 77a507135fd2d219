// A mail server on this machine that behaves as it is told: `node server.mjs ROOT '{"behaviour": "accept", "file": …}'`.
// What it took is one line of JSON each in `file`, written before it answers. It ends when its standard input does.
import { appendFileSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [root, given] = process.argv.slice(2);
const { SMTPServer } = createRequire(`${root}/stories/browser/`)('smtp-server');
const told = JSON.parse(given);
const seen = new Set();

const answer = (code, text) => Object.assign(new Error(text), { responseCode: code });

function onRcptTo({ address }, _session, done) {
  if (told.behaviour === 'refuse' || address.startsWith('nobody@')) return done(answer(550, '5.1.1 No such mailbox here'));
  if (told.behaviour === 'greylist' && !seen.has(address)) {
    seen.add(address);
    return done(answer(450, '4.2.0 Greylisted, come again'));
  }
  // Says nothing more: whoever asked waits until they lose patience.
  if (told.behaviour === 'silent') return undefined;
  return done();
}

function onData(stream, session, done) {
  const parts = [];
  stream.on('data', (part) => parts.push(part));
  stream.on('end', () => {
    const { mailFrom, rcptTo } = session.envelope;
    const letter = { from: mailFrom.address, to: rcptTo.map((to) => to.address), raw: Buffer.concat(parts).toString('utf8') };
    appendFileSync(told.file, `${JSON.stringify(letter)}\n`);
    if (told.behaviour === 'drop') {
      for (const connection of server.connections) connection._socket.destroy();
      return;
    }
    setTimeout(() => done(null, 'Taken as letter 7'), told.behaviour === 'late' ? 700 : (told.delay ?? 0));
  });
}

const server = new SMTPServer({
  secure: Boolean(told.secure),
  ...(told.cert ? { cert: readFileSync(told.cert), key: readFileSync(told.key) } : {}),
  authOptional: !told.password,
  allowInsecureAuth: true,
  disabledCommands: [...(told.starttls ? [] : ['STARTTLS']), ...(told.password ? [] : ['AUTH'])],
  hideSMTPUTF8: Boolean(told.ascii),
  disableReverseLookup: true,
  closeTimeout: 100,
  logger: false,
  onAuth: ({ username, password }, _session, done) =>
    password === told.password ? done(null, { user: username }) : done(answer(535, '5.7.8 Wrong user or password')),
  onRcptTo,
  onData,
});
server.on('error', () => {});
server.listen(told.port ?? 0, '127.0.0.1', () => console.log(server.server.address().port));
process.stdin.resume().on('end', () => process.exit(0));
