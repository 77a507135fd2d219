// What people do, step by step. Each story gets `open` (a window), the address and what the test prepared.

/** What a story measured, for the test to read. */
export const told = {};

function is(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}

/** A stranger registers, opens a bakery, adds bread, and rings the first sale. */
export async function first_day({ open, slug }) {
  const page = await open({ cookie: null });
  const email = `ada-${slug}@example.com`;
  const password = 'seven warm loaves on a rainy sill';
  await page.visit('/');
  await page.waitForURL(/\/login/);
  await page.visit('/register');
  await page.fill('input[name=email]', email);
  await page.fill('input[name=password]', password);
  await page.click('main button[type=submit], form button[type=submit]');
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
        await by.shot(`${title}-${phone ? 'phone' : 'desk'}-${theme}`);
      }
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
