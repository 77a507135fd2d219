// Passkeys: only script can ask a browser for one. A form with data-passkey shows when that is possible.
(() => {
'use strict';
const key = window.PublicKeyCredential, held = navigator.credentials;
if (!held || !key?.parseCreationOptionsFromJSON) return;

const post = async (path, body, csrf) => {
	const answer = await fetch('/v1/auth/' + path, {
		method: 'POST',
		headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf },
		body: JSON.stringify(body),
	});
	const said = await answer.json().catch(() => ({}));
	if (!answer.ok) throw Object.assign(new Error(), { said: said.detail || said.title });
	return said;
};

const show = async (csrf) => {
	const { ceremony, publicKey } = await post('passkeys/login/begin', {}, csrf);
	const shown = await held.get({ publicKey: key.parseRequestOptionsFromJSON(publicKey) });
	return { ceremony, credential: shown.toJSON() };
};

const acts = {
	add: async (csrf, name) => {
		const { ceremony, publicKey } = await post('passkeys/register/begin', {}, csrf);
		const made = await held.create({ publicKey: key.parseCreationOptionsFromJSON(publicKey) });
		await post('passkeys/register/finish', { ceremony, name, credential: made.toJSON() }, csrf);
	},
	login: async (csrf, name, business) => {
		const done = await post('passkeys/login/finish', { ...await show(csrf), session: 'cookie', business }, csrf);
		return done.tenant ? '' : '/open';
	},
	again: async (csrf) => { await post('reauth/verify', { passkey: await show(csrf) }, csrf); },
};

document.querySelectorAll('form[data-passkey]').forEach((form) => {
	const { passkey, next, csrf, failed, business } = form.dataset;
	const button = form.querySelector('button'), notice = form.querySelector('[role=alert]');
	form.hidden = false;
	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		button.disabled = true;
		notice.hidden = true;
		try {
			location.assign(await acts[passkey](csrf, form.elements.name?.value ?? '', business) || next);
		} catch (error) {
			// What a person gave up says nothing that helps them.
			notice.textContent = error.said || failed;
			notice.hidden = button.disabled = false;
		}
	});
});
})();
