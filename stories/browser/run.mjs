// Tells one browser story: `node run.mjs STORY '{"url": …}'`. Exits 1 with the reason when something is not as it should be.
import { mkdirSync } from 'node:fs';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import * as stories from './stories.mjs';

const [name, given] = process.argv.slice(2);
const told = JSON.parse(given);
const found = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const browser = await chromium.launch({
  executablePath: found,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
mkdirSync(told.shots, { recursive: true });

/** A window of its own, as a phone or a desk, in a theme, signed in by cookie when one is given. */
async function open({ phone = false, theme = 'light', cookie = told.cookie, script = true, bare = false } = {}) {
  const context = await browser.newContext({
    viewport: phone ? { width: 390, height: 844 } : { width: 1280, height: 900 },
    hasTouch: phone,
    isMobile: phone,
    colorScheme: theme,
    javaScriptEnabled: script,
    reducedMotion: 'reduce',
  });
  if (cookie) {
    await context.addCookies([{ name: '__Host-hearth', value: cookie, domain: '127.0.0.1', path: '/', secure: true, httpOnly: true, sameSite: 'Lax' }]);
  }
  const page = await context.newPage();
  // Pages without their script, where the story itself needs to look.
  if (bare) await page.route(/\.js(\?|$)/, route => route.abort());
  // What a busy machine takes is no fault: a story says what comes, not how soon.
  page.setDefaultTimeout(60_000);
  page.wrong = [];
  page.on('pageerror', error => page.wrong.push(`script: ${error.message}`));
  page.on('console', line => { if (line.type() === 'error' && !/status of 4\d\d/.test(line.text()) && !(bare && /ERR_FAILED/.test(line.text()))) page.wrong.push(`console: ${line.text()}`); });
  page.on('response', answer => { if (answer.status() >= 500) page.wrong.push(`${answer.status()} ${answer.url()}`); });
  page.visit = async path => { await page.goto(told.url + path); };
  page.shot = async title => { await page.screenshot({ path: `${told.shots}/${title}.png`, fullPage: true }); };
  page.fits = async where => {
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (wide > 0) throw new Error(`${where}: scrolls sideways by ${wide} px`);
  };
  return page;
}

const windows = [];
try {
  await stories[name]({ ...told, open: async options => { const page = await open(options); windows.push(page); return page; } });
  const wrong = windows.flatMap(page => page.wrong);
  if (wrong.length) throw new Error(wrong.join('\n'));
  console.log(JSON.stringify({ story: name, ok: true, ...(stories.told ?? {}) }));
} catch (error) {
  // What people saw when it went wrong.
  for (const [n, page] of windows.entries()) {
    await page.shot(`failed-${name}-${n}`).catch(() => {});
    console.error(`window ${n}: ${page.url()}\n${page.wrong.join('\n')}`);
  }
  console.error(error.stack ?? String(error));
  process.exitCode = 1;
} finally {
  await browser.close();
}
