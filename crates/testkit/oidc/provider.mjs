// A certified OpenID provider (npm `oidc-provider`) on this machine: `node provider.mjs ROOT '{"url": …, "verified": true}'`.
// Whoever signs in there types an address as their name; that is who they are. It ends when its standard input does.
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const [root, given] = process.argv.slice(2);
const found = createRequire(`${root}/stories/browser/`).resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(found));
const told = JSON.parse(given);
// Nobody reads what it says after its port.
console.info = console.log = console.error;
process.stdout.on('error', () => {});

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [{
      client_id: 'hearth',
      client_secret: 'a secret: of two + more words',
      redirect_uris: [`${told.url}/v1/auth/oidc/peer/callback`],
      post_logout_redirect_uris: [`${told.url}/login`],
    }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    cookies: { keys: ['a key of this run'] },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, email: sub, email_verified: told.verified ?? true }) }),
  });
  server.on('request', provider.callback());
  process.stdout.write(`${port}\n`);
});

process.stdin.on('end', () => process.exit(0)).resume();
