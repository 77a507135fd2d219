import { createHmac } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

// What people do, step by step. Each story gets `open` (a window), the address and what the test prepared.

/** What a story measured, for the test to read. */
export const told = {};

function is(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}

/** The link of a letter, once it came. */
async function mailed(file) {
  for (let n = 0; n < 1200; n++) {
    if (existsSync(file)) return readFileSync(file, 'utf8');
    await new Promise(done => setTimeout(done, 50));
  }
  throw new Error('no letter came');
}

/** A stranger registers, opens a bakery, adds bread, and rings the first sale. */
export async function first_day({ open, slug, letter }) {
  const page = await open({ cookie: null });
  const email = `ada-${slug}@example.com`;
  const password = 'seven warm loaves on a rainy sill';
  await page.visit('/');
  await page.waitForURL(/\/login/);
  await page.visit('/register');
  await page.fill('input[name=email]', email);
  await page.fill('input[name=password]', password);
  await page.click('main button[type=submit], form button[type=submit]');
  await page.waitForURL(/\/registered/);
  const link = await mailed(letter);
  await page.visit(new URL(link).pathname + new URL(link).search);
  await page.click('form[action="/verify-email"] button[type=submit]');
  await page.waitForURL(/\/login/);
  await page.fill('input[name=email]', email);
  await page.fill('input[name=password]', password);
  await page.click('form[action^="/login"] button[type=submit]');
  await page.waitForURL(/\/open/);
  await page.fill('input[name=name]', 'Ada’s Bakery');
  await page.fill('input[name=slug]', slug);
  await page.fill('input[name=currency]', 'GBP').catch(() => page.selectOption('select[name=currency]', 'GBP'));
  await page.fill('input[name=timeZone]', 'Europe/London').catch(() => page.selectOption('select[name=timeZone]', 'Europe/London'));
  await page.click('form[action="/open"] button[type=submit]');
  await page.waitForURL(url => url.pathname === '/');
  await page.visit('/items/new');
  await page.fill('input[name=name]', 'Sourdough 🍞');
  await page.fill('input[name=price]', '4.80');
  await page.click('form[action="/items/new"] button[type=submit]');
  await page.waitForURL(/\/items\/[0-9a-f-]{36}/);
  await page.visit('/orders/new');
  await page.fill('input[name="lines.0.itemId"]', 'Sourdough 🍞');
  await page.fill('input[name="lines.0.quantity"]', '2');
  await page.click('form[action="/orders/new"] button[type=submit]');
  await page.waitForURL(/\/orders\/[0-9a-f-]{36}/);
  is((await page.textContent('body')).includes('£9.60'), true, 'the order shows its total');
  await page.visit('/');
  is((await page.textContent('body')).includes('£9.60'), true, 'the day shows the sale');
}

/** A sale rung at one till appears on the owner's open page without anybody touching it. */
export async function live({ open }) {
  const owner = await open();
  await owner.visit('/');
  await owner.waitForFunction(() => document.querySelector('[data-live]'));
  // Measured from the answer to the till until the figure is on the other screen.
  const till = await open();
  let slowest = 0;
  for (let n = 1; n <= 5; n++) {
    await till.visit('/orders/new');
    await till.fill('input[name="lines.0.itemId"]', 'Coffee');
    await till.fill('input[name="lines.0.quantity"]', '1');
    const wanted = `£${(2.6 * n).toFixed(2)}`;
    const seen = owner.waitForFunction(text => document.querySelector('[data-live]').textContent.includes(text) && performance.timeOrigin + performance.now(), wanted, { polling: 'raf' });
    const rung = till.waitForResponse(answer => answer.request().method() === 'POST' && answer.status() === 303);
    await till.click('form[action="/orders/new"] button[type=submit]');
    const timing = (await rung).request().timing();
    slowest = Math.max(slowest, (await (await seen).jsonValue()) - (timing.startTime + timing.responseStart));
  }
  told.slowest_ms = Math.round(slowest);
}

/** Every page on phone and desk, in both themes, fits and shows no fault. */
export async function every_page({ open, paths, strange }) {
  for (const theme of ['light', 'dark']) {
    for (const phone of [false, true]) {
      const page = await open({ theme, phone });
      const stranger = await open({ theme, phone, cookie: null });
      for (const [title, path, by] of [...Object.entries(paths).map(one => [...one, page]), ...Object.entries(strange).map(one => [...one, stranger])]) {
        await by.visit(path);
        await by.fits(`${title} (${theme}, ${phone ? 'phone' : 'desk'})`);
        is(await by.evaluate(() => document.querySelectorAll('h1').length), 1, `${title}: headings of the page`);
        is(await by.evaluate(() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea')].filter(f => !f.labels?.length && !f.getAttribute('aria-label')).length), 0, `${title}: fields without a label`);
        // On a phone the first field of a line, which takes names, is as wide as the line; a table that goes on beside its room shows it.
        is(await by.evaluate(() => [...document.querySelectorAll('.line-set .field:first-child .control')].filter(box => innerWidth <= 760 && box.offsetWidth < box.closest('.field-line').offsetWidth - 1).length), 0, `${title}: narrow fields`);
        is(await by.evaluate(() => [...document.querySelectorAll('.table-room')].filter(room => room.scrollWidth > room.clientWidth + 1 && !getComputedStyle(room).backgroundImage.includes('gradient')).length), 0, `${title}: tables that go on unseen`);
        await by.shot(`${title}-${phone ? 'phone' : 'desk'}-${theme}`);
      }
    }
  }
}

/** Two items are picked on their list, taken out of use, and the mistake is taken back; with and without script. */
export async function picked({ open }) {
  for (const [theme, phone, script] of [['light', false, true], ['dark', false, true], ['light', true, true], ['dark', true, true], ['light', false, false]]) {
    const page = await open({ theme, phone, script });
    const named = title => `${title}-${phone ? 'phone' : 'desk'}-${theme}${script ? '' : '-without-script'}`;
    await page.visit('/items?active=true');
    const before = await page.locator('input[data-pick]').count();
    for (const n of [0, 1]) await page.locator('input[data-pick]').nth(n).check();
    if (script) is(await page.textContent('[data-picked]'), '2 picked', 'what is picked is counted');
    await page.fits(named('items-picked'));
    await page.shot(named('items-picked'));
    is(await page.locator('button[name=act][value=retire]').evaluate(act => { const at = act.getBoundingClientRect(); return document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2) === act; }), true, 'the acts are in reach');
    await page.click('button[name=act][value=retire]');
    await page.waitForURL(/done=/);
    is((await page.textContent('.toast')).includes('2 items are out of use.'), true, 'it says what was done');
    is(await page.locator('input[data-pick]').count(), before - 2, 'they left the list of what is in use');
    await page.fits(named('items-out'));
    await page.shot(named('items-out'));
    await page.click('.toast form button');
    await page.waitForSelector('.toast:has-text("2 items are in use again.")');
    is(await page.locator('input[data-pick]').count(), before, 'they are back');
  }
}

/** All components on one page, as who builds looks at them. */
export async function gallery({ open }) {
  for (const theme of ['light', 'dark']) {
    for (const phone of [false, true]) {
      const page = await open({ theme, phone });
      await page.visit('/ui');
      await page.fits(`the components (${theme}, ${phone ? 'phone' : 'desk'})`);
      await page.shot(`components-${phone ? 'phone' : 'desk'}-${theme}`);
    }
  }
}

/** An owner lets support in; support looks in, with a word of it on every page, and stops; the owner shuts it out. */
export async function assist({ open, cookie, support, tenant }) {
  for (const theme of ['light', 'dark']) {
    for (const phone of [false, true]) {
      const named = title => `${title}-${phone ? 'phone' : 'desk'}-${theme}`;
      const owner = await open({ theme, phone, cookie });
      await owner.visit('/settings/support');
      await owner.fill('input[name=reason]', 'The totals of Friday look wrong');
      await owner.click('form[action="/settings/support"] button[type=submit]');
      await owner.waitForSelector('form[action="/settings/support/end"]');
      await owner.fits(named('support-in'));
      await owner.shot(named('support-in'));
      const helper = await open({ theme, phone, cookie: support });
      await helper.visit(tenant);
      await helper.shot(named('tenant-open'));
      await helper.fill('input[name=reason]', 'Ticket 7: the totals of Friday');
      await helper.click('form[action$="/assist"] button[type=submit]');
      await helper.waitForURL(url => url.pathname === '/');
      for (const [title, path] of [['assist-home', '/'], ['assist-orders', '/orders']]) {
        await helper.visit(path);
        is(await helper.isVisible('form[action="/assist/stop"] button'), true, `${title}: the way out`);
        await helper.fits(named(title));
        await helper.shot(named(title));
      }
      await helper.click('form[action="/assist/stop"] button');
      await helper.waitForURL(url => url.pathname === tenant);
      is(await helper.isVisible('form[action="/assist/stop"]'), false, 'nothing of it is left');
      // Each beginning and stop gives the session a new cookie.
      support = (await helper.context().cookies()).find(one => one.name === '__Host-hearth').value;
      await owner.visit('/settings/support');
      is((await owner.textContent('table')).includes('Ticket 7'), true, 'the owner sees who was there');
      await owner.shot(named('support-past'));
      await owner.click('form[action="/settings/support/end"] button');
      await owner.waitForSelector('form[action="/settings/support"]');
    }
  }
}

/** The same work without a line of script. */
export async function without_script({ open }) {
  const page = await open({ script: false });
  await page.visit('/orders/new');
  await page.fill('input[name="lines.0.itemId"]', 'Coffee');
  await page.fill('input[name="lines.0.quantity"]', '3');
  await page.click('form[action="/orders/new"] button[type=submit]');
  await page.waitForURL(/\/orders\/[0-9a-f-]{36}/);
  is((await page.textContent('body')).includes('£7.80'), true, 'the order shows its total');
}

/** Goes on with Tab until the thing that a selector names has the focus, and the focus can be seen. */
async function tab_to(page, selector) {
  for (let n = 0; n < 120; n++) {
    const at = await page.evaluate(wanted => {
      const here = document.activeElement;
      if (!here?.matches(wanted)) return null;
      // A field's ring stands around all that belongs to it.
      return { seen: [here, here.closest('.control')].some(one => one && getComputedStyle(one).outlineStyle !== 'none') };
    }, selector);
    if (at) return is(at.seen, true, `the focus on ${selector} is seen`);
    await page.keyboard.press('Tab');
  }
  throw new Error(`${selector} is not reached by Tab on ${page.url()}`);
}

/** An owner signs in, invites somebody, makes a role and changes the password: by keyboard alone, without a line of script. */
export async function by_keyboard({ open, email, password, invited }) {
  // Asking where the focus is needs script of ours; the pages have none.
  const page = await open({ cookie: null, bare: true });
  const type = async (selector, text) => { await tab_to(page, selector); await page.keyboard.type(text); };
  const enter = async (selector, where) => { await tab_to(page, selector); await page.keyboard.press('Enter'); await page.waitForURL(where); };
  await page.visit('/login?next=/team');
  await type('input[name=email]', email);
  await type('input[name=password]', password);
  await enter('form[action="/login"] button[type=submit]', url => url.pathname === '/team');
  await enter('a[href="/team/invite"]', url => url.pathname === '/team/invite');
  await type('input[name=name]', 'Grace');
  await type('input[name=email]', invited);
  await tab_to(page, 'input[name$="baker"], input[value=baker]');
  await page.keyboard.press('Space');
  await enter('form[action="/team/invite"] button[type=submit]', url => url.pathname === '/team');
  is((await page.textContent('main')).includes(invited), true, 'the invitation is listed');
  await page.visit('/settings/roles');
  await tab_to(page, 'main summary');
  await page.keyboard.press('Enter');
  await type('form[action="/settings/roles"] input[name=name]', 'Night shift');
  await tab_to(page, 'form[action="/settings/roles"] input[name="item:read"]');
  await page.keyboard.press('Space');
  await enter('form[action="/settings/roles"] button[type=submit]', url => url.pathname === '/settings/roles');
  is((await page.textContent('main')).includes('Night shift'), true, 'the role is there');
  await page.visit('/account/security');
  await type('input[name=currentPassword]', password);
  await type('input[name=newPassword]', 'nine cold scones under a tall lamp');
  await enter('form[action="/account/password"] button[type=submit]', /done=password/);
}

/** An authenticator of Chromium's own, as a phone holds one: it makes sure of the person by itself. */
async function authenticator(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', { options });
  return { devtools, authenticatorId };
}

async function by_password(page, { email, password }) {
  await page.visit('/login');
  await page.fill('input[name=email]', email);
  await page.fill('input[name=password]', password);
  await page.click('form[action="/login"] button[type=submit]');
  await page.waitForURL(url => url.pathname !== '/login');
}

/** A passkey is added, signs in, proves again, and is removed. */
export async function passkey({ open, email, password }) {
  const page = await open({ cookie: null });
  await authenticator(page);
  await by_password(page, { email, password });
  await page.visit('/account/security');
  await page.fill('form[data-passkey=add] input[name=name]', 'Blue slab');
  await page.fits('security with the form of a passkey');
  await page.shot('passkey-form');
  await page.click('form[data-passkey=add] button');
  await page.waitForURL(/done=passkey/);
  is((await page.textContent('table')).includes('Blue slab'), true, 'the passkey is listed');
  await page.shot('passkey-added');
  await page.context().clearCookies();
  await page.visit('/login?next=/account/profile');
  await page.shot('passkey-login');
  await page.click('form[data-passkey=login] button');
  await page.waitForURL(url => ['/open', '/account/profile'].includes(url.pathname));
  await page.visit('/account/security');
  is((await page.textContent('body')).includes('Blue slab'), true, 'signed in by passkey');
  // Nothing of it is there without script, and the page works.
  const plain = await open({ cookie: null, script: false });
  await plain.visit('/login');
  is(await plain.isVisible('form[data-passkey]'), false, 'no button without script');
  await by_password(plain, { email, password });
  await plain.visit('/account/security');
  await plain.click('form[action*="/passkeys/"] button');
  await plain.waitForURL(/done=passkey-removed/);
  is((await plain.textContent('body')).includes('Blue slab'), false, 'the passkey is gone');
  // The device still has it; the program does not take it.
  await page.context().clearCookies();
  await page.visit('/login');
  await page.click('form[data-passkey=login] button');
  await page.waitForSelector('form[data-passkey=login] [role=alert]:not([hidden])');
  is(new URL(page.url()).pathname, '/login', 'nobody is signed in');
}

/** Gives the test its turn (to set the clock), and waits until it was taken. */
async function turn(place, name) {
  writeFileSync(`${place}/${name}`, '');
  for (let n = 0; n < 1200; n++) {
    if (existsSync(`${place}/${name}.done`)) return;
    await new Promise(done => setTimeout(done, 50));
  }
  throw new Error(`nobody took the turn ${name}`);
}

/** One page on a phone and a desk, in both themes. */
async function looks(page, title) {
  const size = page.viewportSize();
  for (const colorScheme of ['light', 'dark']) {
    for (const [where, width, height] of [['desk', 1280, 900], ['phone', 390, 844]]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height });
      await page.fits(`${title} (${colorScheme}, ${where})`);
      await page.shot(`${title}-${where}-${colorScheme}`);
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(size);
  is(await page.evaluate(() => document.querySelectorAll('h1').length), 1, `${title}: headings of the page`);
  is(await page.evaluate(() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea')].filter(f => !f.labels?.length && !f.getAttribute('aria-label')).length), 0, `${title}: fields without a label`);
}

/** A till is registered, a seller signs in by PIN, the key is shown again, the pause locks, the owner takes the till away. */
export async function device({ open, place, pin }) {
  const owner = await open(), till = await open({ cookie: null });
  await owner.visit('/account/security');
  await looks(owner, 'security-pin');
  await owner.visit('/settings/devices');
  await looks(owner, 'devices-none');
  await owner.click('a[href="/settings/devices/add"]');
  await owner.fill('input[name=name]', 'Front till');
  await owner.fill('input[name=pauseMinutes]', '50');
  await looks(owner, 'device-add');
  await owner.click('form[action="/settings/devices/add"] button[type=submit]');
  await owner.waitForSelector('a[href^="/device/register"]');
  await looks(owner, 'device-code');
  const opened = await owner.getAttribute('a[href^="/device/register"]', 'href');

  await till.visit('/device');
  await till.waitForSelector('[data-device-none]:not([hidden])');
  await looks(till, 'device-none');
  await till.fill('input[name=code]', new URLSearchParams(opened.split('?')[1]).get('code').toUpperCase());
  await till.click('form[action="/device/register"] button');
  await till.waitForSelector('form[data-device=register]:not([hidden])');
  await looks(till, 'device-register');
  await till.click('form[data-device=register] button');
  await till.waitForSelector('button.key:not([disabled])');
  await looks(till, 'device-who');
  const copied = await till.evaluate(() => new Promise(done => {
    indexedDB.open('hearth-device').onsuccess = opening => {
      opening.target.result.transaction('held').objectStore('held').get('this').onsuccess = found =>
        crypto.subtle.exportKey('pkcs8', found.target.result.key).then(() => done('copied'), () => done(found.target.result.key.extractable));
    };
  }));
  is(copied, false, 'the key can not be taken out');

  const who = async () => {
    await till.click('button.key:not([disabled]):has-text("Ada")');
    await till.waitForSelector('form[data-device=login] [type=submit]:not([disabled])');
  };
  // By keypad, as on a touch screen; then by keyboard.
  const tap = async digits => {
    for (const digit of digits) await till.click(`.keypad button[value="${digit}"]`);
  };
  await who();
  await looks(till, 'device-pin');
  await tap('83');
  await till.click('.keypad button[value=back]');
  await tap('361');
  is(await till.inputValue('input[name=pin]'), '8361', 'what was tapped');
  await till.click('form[data-device=login] [type=submit]');
  await till.waitForSelector('.banner.bad:visible');
  is(await till.inputValue('input[name=pin]'), '', 'the PIN does not come back');
  await till.waitForSelector('form[data-device=login] [type=submit]:not([disabled])');
  await looks(till, 'device-pin-wrong');
  is(await till.evaluate(() => document.activeElement.name), 'pin', 'the cursor stands in the field');
  await till.keyboard.type(pin);
  await till.keyboard.press('Enter');
  await till.waitForURL(url => url.pathname === '/');
  await looks(till, 'device-home');

  // The till slept: it shows its key by itself, and nothing is asked.
  await till.visit('/orders');
  await turn(place, 'slept');
  await till.visit('/orders?sort=-placed');
  await till.waitForURL(url => url.pathname + url.search === '/orders?sort=-placed');
  is(await till.isVisible('h1:has-text("Orders")'), true, 'back at work');
  // Nobody was there for the pause. The owner was elsewhere.
  await owner.visit('/settings/devices');
  await turn(place, 'paused');
  await till.goto(new URL('/orders?sort=-placed', till.url()).href);
  await till.waitForSelector('button.key:not([disabled])');
  await who();
  await tap(pin);
  await till.click('form[data-device=login] [type=submit]');
  await till.waitForURL(url => url.pathname + url.search === '/orders?sort=-placed');
  // The page locks itself when its own clock says so.
  await till.clock.install();
  await till.visit('/orders/new');
  await till.waitForSelector('form[action="/orders/new"]');
  await till.clock.fastForward(51 * 60_000);
  await till.waitForSelector('button.key:not([disabled])');
  await who();
  await till.keyboard.type(pin);
  await till.keyboard.press('Enter');
  await till.waitForURL(url => url.pathname === '/orders/new');

  await owner.visit('/settings/devices');
  is((await owner.textContent('table')).includes('Ada'), true, 'the owner sees who is on it');
  await looks(owner, 'devices');
  await owner.click('table tbody a');
  await owner.waitForURL(/settings\/devices\/[0-9a-f-]{36}/);
  await looks(owner, 'device-one');
  await owner.click('form[action$="/revoke"] button');
  await owner.click('dialog#question button[value=yes]');
  await owner.waitForURL(url => url.pathname === '/settings/devices');
  await till.visit('/orders');
  await till.waitForSelector('.banner.bad:visible');
  await looks(till, 'device-gone');
  // It is a browser like any other from now on.
  await till.visit('/orders');
  is(new URL(till.url()).pathname, '/login', 'a stranger signs in by password');
  // Without script nothing of it is possible, and the page says so.
  const plain = await open({ cookie: null, script: false });
  await plain.visit('/device');
  is(await plain.isVisible('noscript .banner'), true, 'says what it needs');
}

/** Signs in at a certified provider, works, signs out here and there, and is asked anew. */
export async function provider({ open, email, slug }) {
  const page = await open({ cookie: null });
  // The provider's pages would fetch a font from elsewhere.
  await page.route('https://fonts.googleapis.com/**', route => route.fulfill({ contentType: 'text/css', body: '' }));
  const there = async () => {
    await page.visit('/login?next=/account/profile');
    await page.click('a[href^="/v1/auth/oidc/peer/start"]');
    await page.waitForURL(/interaction/);
  };
  await there();
  await page.fill('input[name=login]', email);
  await page.fill('input[name=password]', 'anything');
  await page.click('button[type=submit]');
  // The provider asks whether the program may know.
  await page.waitForSelector('text=Authorize');
  await page.click('button[type=submit]');
  await page.waitForURL(url => ['/open', '/account/profile'].includes(url.pathname));
  await page.visit('/account/profile');
  is((await page.textContent('main')).includes(email), true, 'signed in as the one who was there');
  await page.shot('provider-signed-in');
  await page.visit('/open');
  await page.fill('input[name=name]', 'Bea’s Bakery');
  await page.fill('input[name=slug]', slug);
  await page.fill('input[name=currency]', 'GBP');
  await page.fill('input[name=timeZone]', 'Europe/London');
  await page.click('form[action="/open"] button[type=submit]');
  await page.waitForURL(url => url.pathname === '/');
  await page.evaluate(() => document.querySelector('form[action="/logout"]').requestSubmit());
  // The provider asks whether its own session ends; then one is back.
  await page.waitForURL(/session\/end/);
  await page.click('button[value=yes]');
  await page.waitForURL(url => url.pathname === '/login');
  await page.visit('/account/profile');
  is(new URL(page.url()).pathname, '/login', 'signed out here');
  await there();
  is(await page.isVisible('input[name=login]'), true, 'signed out there: who one is is asked anew');
}

/** What an authenticator shows: RFC 6238 over a secret in base32. */
function code(secret, seconds) {
  const bits = [...secret].map(sign => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(sign).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map(byte => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(seconds / 30)));
  const mac = createHmac('sha1', key).update(step).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** From the business's own sign-in page to where one wanted to be, by way of the second factor that is asked for. */
export async function own_face({ open, slug, email, password, colour, seconds }) {
  for (const script of [false, true]) {
    const page = await open({ cookie: null, script });
    await page.visit(`/login/${slug}?next=/stock`);
    is(await page.textContent('.mark-line'), 'Hill Bakery', 'whose page it is');
    is(await page.evaluate(() => document.querySelector('.mark-line img').complete && document.querySelector('.mark-line img').naturalWidth > 0), true, 'the logo is shown');
    is(await page.evaluate(() => getComputedStyle(document.querySelector('.button.main')).backgroundColor), colour, 'the colour of the button');
    await page.fill('input[name=email]', email);
    await page.fill('input[name=password]', password);
    await page.click('form[action="/login"] button[type=submit]');
    if (!script) {
      await page.waitForURL(/\/2fa\/setup\?next=%2Fstock/);
      const secret = (await page.textContent('main code')).replaceAll(' ', '');
      await page.fill('input[name=code]', code(secret, seconds));
      await page.click('form[action="/2fa/setup"] button[type=submit]');
      await page.fits('the recovery codes');
      await page.click('text=I have kept them');
      await page.waitForURL(url => url.pathname === '/stock');
    } else {
      // From now on the code is asked for, on a page that looks the same.
      await page.waitForSelector('input[name=mfaToken]', { state: 'attached' });
      is(await page.textContent('.mark-line'), 'Hill Bakery', 'whose page the second step is');
      await page.shot('second-step-own');
    }
  }
}

/** A second factor is set up, its codes saved, and asked for; then the password is forgotten and chosen anew by the letter's link. */
export async function second_step({ open, email, password, another, seconds, letter }) {
  for (const phone of [false, true]) {
    const page = await open({ cookie: null, phone, theme: phone ? 'dark' : 'light' });
    const named = title => `${title}-${phone ? 'phone-dark' : 'desk-light'}`;
    const enter = async typed => {
      await page.fill('input[name=code]', typed);
      await page.click('form[action="/2fa/verify"] button[type=submit]');
    };
    if (!phone) {
      await by_password(page, { email, password });
      await page.visit('/2fa/setup');
      told.secret = (await page.textContent('main code')).replaceAll(' ', '');
      await page.fill('input[name=code]', code(told.secret, seconds));
      await page.click('form[action="/2fa/setup"] button[type=submit]');
      const [file] = await Promise.all([page.waitForEvent('download'), page.click('a[download]')]);
      told.saved = readFileSync(await file.path(), 'utf8').trim().split('\n');
      const shown = await page.locator('main li code').allTextContents();
      is(JSON.stringify(told.saved), JSON.stringify(shown), 'the file holds the codes that are shown');
      await page.shot(named('codes'));
      await page.click('text=I have kept them');
      await page.context().clearCookies();
    }
    // The first step, and then the code: a wrong one, and one of the next half minute, as no code counts twice.
    await page.visit('/2fa/verify');
    is(new URL(page.url()).pathname, '/login', 'the second step begins with the first');
    await page.fill('input[name=email]', email);
    await page.fill('input[name=password]', phone ? another : password);
    await page.click('form[action="/login"] button[type=submit]');
    await page.waitForSelector('form[action="/2fa/verify"]');
    await page.fits(named('second-step'));
    await page.shot(named('second-step'));
    await enter('000000');
    await page.waitForSelector('form[action="/2fa/verify"] [id$=-error], [role=alert]');
    // A page this narrow has no room beside a field.
    const below = await page.$eval('form[action="/2fa/verify"] .error', said =>
      said.getBoundingClientRect().top >= said.parentElement.querySelector('.control').getBoundingClientRect().bottom);
    is(below, true, 'what is wrong with the code stands below its field');
    await page.shot(named('second-step-wrong'));
    await enter(phone ? told.saved[0] : code(told.secret, seconds + 30));
    await page.waitForURL(url => ['/open', '/'].includes(url.pathname));
    await page.context().clearCookies();
    if (phone) return;
    // Forgotten.
    await page.visit('/forgot-password');
    await page.fill('input[name=email]', email);
    await page.click('form[action="/forgot-password"] button[type=submit]');
    const link = new URL(await mailed(letter));
    await page.visit(link.pathname + link.search);
    const says = words => page.waitForFunction(words => document.querySelector('output')?.textContent.includes(words), words);
    await page.fill('input[name=newPassword]', 'crumbs');
    await says('15 characters');
    await page.fill('input[name=newPassword]', another);
    await says('Strong');
    is(await page.evaluate(() => document.querySelector('output meter').value), 4, 'the meter stands at its end');
    await page.fits(named('reset'));
    await page.shot(named('reset-meter'));
    await page.click('form[action="/reset-password"] button[type=submit]');
    await page.waitForURL(/\/login\?done=password/);
  }
}
