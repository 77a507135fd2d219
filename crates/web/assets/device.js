// A registered device: the key that it holds, and the person who is on it. Only script can hold a key that can't be copied.
(() => {
'use strict';
const doc = document, me = doc.currentScript.dataset, { subtle } = window.crypto;
const find = (selector) => doc.querySelector(selector);
const text64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

// One record: { device, key }.
const store = (mode, act) => new Promise((done, fail) => {
	const opening = indexedDB.open('hearth-device', 1);
	opening.onupgradeneeded = () => opening.result.createObjectStore('held');
	opening.onerror = () => fail(opening.error);
	opening.onsuccess = () => {
		const work = opening.result.transaction('held', mode), asked = act(work.objectStore('held'));
		work.oncomplete = () => { opening.result.close(); done(asked.result); };
		work.onabort = () => fail(work.error);
	};
});
const held = () => store('readonly', (all) => all.get('this'));
const sign = async (key, said) => text64(await subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key, new TextEncoder().encode(said)));

const post = async (path, body) => {
	const answer = await fetch('/v1/' + path, {
		method: 'POST',
		keepalive: true, // whoever goes to another page meanwhile takes the new cookie along
		headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': me.csrf || find('[name=csrf]')?.value || '' },
		body: JSON.stringify(body),
	});
	const said = await answer.json().catch(() => ({}));
	if (!answer.ok) throw Object.assign(new Error(), { said: said.detail || said.title, status: answer.status });
	return said;
};

const proof = async (mine, purpose, challenge) => {
	challenge ||= (await post('auth/device/challenge', { deviceId: mine.device })).challenge;
	return { deviceId: mine.device, challenge, signature: await sign(mine.key, `hearth device ${purpose} ${mine.device} ${challenge}`) };
};
const prove = async () => {
	const done = await post('auth/device/prove', await proof(await held(), 'prove'));
	localStorage.deviceShown = Date.now();
	return done;
};

// A page of work: the key is shown every ten minutes, and nobody's hands for as long as the pause lock it. All tabs count together.
const watch = (pause) => {
	const away = () => location.assign('/device?next=' + encodeURIComponent(location.pathname + location.search));
	let told = Date.now();
	const used = () => {
		const now = localStorage.deviceUsed = Date.now();
		if (now - told < 6e4) return;
		told = now;
		fetch('/version').catch(() => {});
	};
	['pointerdown', 'keydown', 'input'].forEach((kind) => doc.addEventListener(kind, used, { capture: true, passive: true }));
	const look = async () => {
		const now = Date.now();
		try {
			if (now - localStorage.deviceUsed > pause) {
				await post('auth/device/lock', {});
				away();
			} else if (!(now - localStorage.deviceShown < 6e5)) {
				await navigator.locks.request('device', { ifAvailable: true }, async (mine) => {
					if (!mine) return; // another tab does it
					localStorage.deviceShown = now - 54e4;
					await prove();
				});
			}
		} catch (error) {
			if (error.status === 401 || error.status === 403) away();
			else localStorage.deviceShown = 0; // not reached: soon again, while the former cookie counts
		}
	};
	used();
	look();
	setInterval(look, 5e3);
	doc.addEventListener('visibilitychange', look);
};

// Makes the key, which never leaves this browser, and registers it.
const register = async (form) => {
	const pair = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
	const { kty, crv, x, y } = await subtle.exportKey('jwk', pair.publicKey), { code } = form.dataset;
	const signature = await sign(pair.privateKey, `hearth device register ${code}`);
	const { deviceId } = await post('devices/register', { code, publicKey: { kty, crv, x, y }, signature });
	await store('readwrite', (all) => all.put({ device: deviceId, key: pair.privateKey }, 'this'));
	location.assign('/device');
};

// Forms of the lock page carry what the device signed.
const fill = (form, shown) => Object.entries(shown).forEach(([name, value]) => { form.elements[name].value = value; });
const begin = async (form) => {
	const mine = await held();
	if (!mine) {
		find('[data-device-none]').hidden = false;
		return;
	}
	const next = form.elements.next.value;
	if (next && form.dataset.on) {
		const done = await prove().catch(() => null);
		if (done && !done.locked) return location.replace(next);
	}
	fill(form, await proof(mine, 'people'));
	form.submit();
};
const ready = async (form) => {
	fill(form, await proof(await held(), form.dataset.device, form.elements.challenge.value));
	form.addEventListener('submit', () => { localStorage.deviceShown = Date.now(); });
	form.querySelectorAll('[type=submit]').forEach((button) => { button.disabled = false; });
};

const failed = (error) => {
	const notice = find('[data-device-failed]'), none = find('[data-device-none]');
	if (none) none.hidden = error.status !== 401;
	if (error.said) notice.textContent = error.said;
	notice.hidden = false;
};
if (me.pause) watch(me.pause * 1e3);
doc.querySelectorAll('form[data-device]').forEach((form) => {
	const kind = form.dataset.device;
	if (!subtle) return failed({});
	if (kind === 'register') {
		form.hidden = false;
		form.addEventListener('submit', (event) => {
			event.preventDefault();
			register(form).catch(failed);
		});
	} else (kind === 'begin' ? begin : ready)(form).catch(failed);
});
// Back to a page whose signature was used: it begins anew.
addEventListener('pageshow', (event) => { if (event.persisted && find('form[data-device]')) location.replace('/device'); });
})();
