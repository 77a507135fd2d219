// What script adds to pages that work without it.
(() => {
'use strict';
const doc = document, root = doc.documentElement;
const all = (selector, inside = doc) => [...inside.querySelectorAll(selector)];
const byId = (id) => doc.getElementById(id);
const on = (kind, then, early) => doc.addEventListener(kind, then, early);
const halt = (event) => event.preventDefault();
root.classList.add('js');

// The server reads the cookie.
const theme = (name) => {
	if (name === 'auto') delete root.dataset.theme; else root.dataset.theme = name;
	all('[data-theme-set]').forEach((b) => b.setAttribute('aria-pressed', b.dataset.themeSet === name));
};
theme(root.dataset.theme || 'auto');

const open = (layer) => {
	if (layer && !layer.open) layer.showModal();
	return layer;
};

// A question before what can't be undone.
const ask = (text, then) => {
	const box = byId('question');
	byId('question-text').textContent = text;
	box.returnValue = 'no';
	box.showModal();
	box.addEventListener('close', () => box.returnValue === 'yes' && then(), { once: true });
};

// A form is sent once.
const lock = (form, is) => {
	if (is) form.dataset.sent = 1; else delete form.dataset.sent;
	all('button[type=submit]', form).forEach((b) => { b.disabled = is; });
};
on('submit', (event) => {
	const form = event.target, button = event.submitter, data = form.dataset;
	const sure = !data.confirm || data.sure;
	delete data.sure;
	if (!sure || data.sent) {
		halt(event);
		event.stopImmediatePropagation();
		return sure || ask(data.confirm, () => { data.sure = 1; form.requestSubmit(button); });
	}
	if (!form.matches('[method=post]')) return; // a field may be called method
	data.sent = 1;
	// Later, as a disabled button would not send its value.
	setTimeout(() => data.sent && lock(form, true));
	if ('drop' in data) { halt(event); send(form); }
}, true);
on('htmx:afterRequest', (event) => { if (event.target.dataset.sent) lock(event.target, false); });

// Files: the same post, with progress.
const send = (form) => {
	const bar = form.querySelector('progress'), request = new XMLHttpRequest();
	bar.hidden = false;
	request.upload.onprogress = (e) => { bar.value = e.loaded / e.total * 100; };
	request.onloadend = () => { bar.hidden = true; lock(form, false); };
	request.onload = () => {
		if (request.status < 400) return location.assign(request.responseURL);
		const main = new DOMParser().parseFromString(request.responseText, 'text/html').querySelector('main');
		if (main) byId('main').replaceWith(doc.adoptNode(main)); else form.submit();
	};
	request.onerror = () => lost(true);
	request.open('POST', form.action);
	request.send(new FormData(form));
};
for (const kind of ['dragover', 'dragleave', 'drop']) on(kind, (event) => {
	const form = event.target.closest('[data-drop]');
	if (!form) return;
	halt(event);
	form.classList.toggle('over', kind === 'dragover');
	if (kind === 'drop') form.querySelector('[type=file]').files = event.dataTransfer.files;
});

// Live regions: a message says that something changed; the server says what.
const lost = (is) => all('[data-not-live]').forEach((note) => { note.hidden = !is; });
const streams = new Map();
const refresh = async (region) => {
	region.again = true;
	if (region.busy) return;
	region.busy = true;
	try {
		while (region.again) {
			region.again = false;
			const answer = await fetch(region.dataset.liveSrc, { headers: { 'HX-Request': 'live' } });
			if (answer.ok && !answer.redirected) swap(region, await answer.text());
		}
	} catch { lost(true); } finally { region.busy = false; }
};
// What someone is typing or has opened stays.
const swap = (region, text) => {
	if (region.shown === text) return;
	region.shown = text;
	const at = doc.activeElement, kept = all('[id]', region).filter((f) => f === at || f.checked !== f.defaultChecked || (f.defaultValue ?? f.value) !== f.value);
	const opened = all('details', region).map((d) => d.open);
	region.innerHTML = text;
	all('details', region).forEach((d, n) => { d.open ||= opened[n]; });
	for (const old of kept) {
		const field = byId(old.id);
		if (field) field.replaceWith(old);
		if (old === at) old.focus();
	}
	window.htmx?.process(region);
};
const connect = (stream) => {
	const source = stream.source = new EventSource(stream.url);
	source.onopen = () => {
		if (stream.broken) stream.regions.forEach(refresh);
		stream.broken = false; stream.wait = 1e3; lost(false);
	};
	source.onerror = () => {
		stream.broken = true; lost(true);
		if (source.readyState < 2) return; // resumes by itself
		setTimeout(() => stream.source === source && connect(stream), stream.wait);
		stream.wait = Math.min(stream.wait * 2, 3e4);
	};
	for (const kind of stream.kinds) source.addEventListener(kind, () => stream.regions.forEach((r) => r.kinds.includes(kind) && refresh(r)));
};
for (const region of all('[data-live]')) {
	const url = region.dataset.live, stream = streams.get(url) || { url, regions: [], kinds: new Set(), wait: 1e3 };
	region.kinds = (region.dataset.liveOn || 'message').split(/[\s,]+/);
	region.kinds.forEach((kind) => stream.kinds.add(kind));
	stream.regions.push(region);
	streams.set(url, stream);
}
streams.forEach(connect);
addEventListener('pagehide', () => streams.forEach((s) => { s.source.close(); s.source = 0; }));
addEventListener('pageshow', (event) => {
	if (!event.persisted) return;
	all('form[data-sent]').forEach((form) => lock(form, false));
	streams.forEach((s) => { s.broken = true; connect(s); });
});

const fold = (except) => all('details[data-menu]').forEach((menu) => { menu.open &&= menu.contains(except); });
on('keydown', (event) => {
	const at = event.target, key = event.key, mod = event.ctrlKey || event.metaKey, form = at.form;
	if (event.isComposing) return;
	if (mod ? key === 'k' : key === '/' && !at.matches('input:not([type=checkbox]),textarea,select')) {
		if (open(byId('palette'))) halt(event);
	} else if (key === 'Enter' && mod && form?.matches('[method=post]')) {
		halt(event);
		form.requestSubmit();
	} else if (key === 'Enter' && form?.matches('[data-enter]') && at.matches('input,select')) {
		halt(event);
		const stops = all('input:not([type=hidden]),select,textarea,button[type=submit]', form);
		stops[stops.indexOf(at) + 1]?.focus();
	} else if (key === 'Escape') fold();
	else if (!key[1] && !mod && at === doc.body) doc.querySelector('[data-scan]')?.focus();
});

on('click', (event) => {
	const at = event.target, hit = (selector) => at.closest(selector);
	let el;
	fold(at);
	if (at.matches('dialog')) at.close(); // the veil around the box
	else if ((el = hit('[data-open]'))) { if (!event.ctrlKey && !event.metaKey && open(byId(el.dataset.open))) halt(event); }
	else if ((el = hit('[data-theme-set]'))) {
		theme(el.dataset.themeSet);
		doc.cookie = `__Host-theme=${el.dataset.themeSet};path=/;secure;max-age=31536000;samesite=lax`;
	} else if (hit('[data-close]')) hit('[data-toast]').remove();
	else if (hit('[data-print]')) print();
	else if ((el = hit('[data-keypad] button'))) {
		const field = byId(hit('[data-keypad]').dataset.keypad);
		field.value = el.value === 'back' ? field.value.slice(0, -1) : field.value + el.value;
		field.dispatchEvent(new Event('input', { bubbles: true }));
	}
});

// Picked rows; filters act at once.
on('change', (event) => {
	const at = event.target, bulk = at.closest('[data-bulk]');
	if (bulk) {
		const boxes = all('[data-pick]', bulk), note = bulk.querySelector('[data-picked]');
		if (at.matches('[data-pick-all]')) boxes.forEach((box) => { box.checked = at.checked; });
		const count = boxes.filter((box) => box.checked).length;
		bulk.classList.toggle('some', count);
		note.textContent = note.dataset.picked.replace('{n}', count);
	} else if (at.matches('[data-filters] :is(select,[type=checkbox])')) at.form.requestSubmit();
});

// Toasts go, but never from under a hand.
all('[data-toast]').forEach((toast) => {
	const leave = () => toast.matches(':hover,:focus-within') ? setTimeout(leave, 4e3) : toast.remove();
	setTimeout(leave, 1e4);
});
})();
