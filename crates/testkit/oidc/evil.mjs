// An identity provider that answers as a story tells it: `node evil.mjs`. The code of an answer is the story's own JSON,
// base64url: what the token's head and claims say, and how it is signed. It ends when its standard input does.
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';

const base64 = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const keys = {};
const published = [];
const spent = new Set();
const asked = { jwks: 0, token: 0, userinfo: 0 };
let issuer;
let down = false;
let userinfo = {};

// A new key of each kind; those before it are published no more.
function rotate() {
  const n = (keys.n ?? 0) + 1;
  Object.assign(keys, {
    n,
    RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    EdDSA: generateKeyPairSync('ed25519'),
    small: generateKeyPairSync('rsa', { modulusLength: 1024 }),
  });
  const jwk = (name, alg) => ({ ...keys[name].publicKey.export({ format: 'jwk' }), kid: `${name}-${n}`, use: 'sig', alg });
  published.splice(0, published.length, jwk('RS256', 'RS256'), jwk('ES256', 'ES256'), jwk('EdDSA', 'EdDSA'), jwk('small', 'RS256'),
    { ...jwk('ES256', 'ES256'), kid: 'seals', use: 'enc' }, { kty: 'made-up', kid: 'strange' });
}

// A token: `by` is the key, `alg` what its head says, `head` and `claims` the rest.
function token({ by = 'RS256', alg = by, head = {}, claims = {} }) {
  const text = `${base64({ alg, kid: `${by}-${keys.n}`, typ: 'JWT', ...head })}.${base64(claims)}`;
  if (alg === 'none') return `${text}.`;
  if (alg === 'HS256') {
    const pem = keys[by].publicKey.export({ type: 'spki', format: 'pem' });
    return `${text}.${createHmac('sha256', pem).update(text).digest('base64url')}`;
  }
  const key = keys[by === 'seals' ? 'ES256' : by].privateKey;
  const made = by === 'EdDSA' ? sign(null, Buffer.from(text), key) : sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${made.toString('base64url')}`;
}

const routes = {
  'GET /.well-known/openid-configuration': () => ({
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/userinfo`,
    jwks_uri: `${issuer}/jwks`,
    end_session_endpoint: `${issuer}/end`,
    id_token_signing_alg_values_supported: ['RS256', 'ES256', 'HS256', 'none'],
    token_endpoint_auth_methods_supported: ['client_secret_basic'],
    authorization_response_iss_parameter_supported: true,
  }),
  'GET /jwks': () => { asked.jwks += 1; return down ? [503, {}] : { keys: published }; },
  'POST /token': (body) => {
    asked.token += 1;
    const code = new URLSearchParams(body).get('code');
    if (spent.has(code)) return [400, { error: 'invalid_grant' }];
    spent.add(code);
    return { access_token: 'made-up', token_type: 'Bearer', id_token: token(JSON.parse(Buffer.from(code, 'base64url'))) };
  },
  'GET /userinfo': () => { asked.userinfo += 1; return userinfo; },
  'POST /mint': (body) => ({ token: token(JSON.parse(body)) }),
  'POST /rotate': () => { rotate(); return {}; },
  'POST /down': () => { down = true; return {}; },
  'POST /userinfo': (body) => { userinfo = JSON.parse(body); return {}; },
  'GET /asked': () => asked,
};

rotate();
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (piece) => { body += piece; }).on('end', () => {
    const answer = routes[`${request.method} ${request.url}`]?.(body) ?? [404, {}];
    const [status, said] = Array.isArray(answer) ? answer : [200, answer];
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(said));
  });
});
server.listen(0, '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  console.log(server.address().port);
});

process.stdin.on('end', () => process.exit(0)).resume();
