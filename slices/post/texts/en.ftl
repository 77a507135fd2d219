# Letters: what they say
letter-installation = Hearth
letter-why = You get this letter because this address is used with { $name }. If that is a mistake, you can leave it unanswered.
letter-link-else = If the button does not open, copy this address into your browser:
letter-happened = Device: { $device }. From: { $place }. At: { $when }.
letter-unknown = unknown
letter-not-you = If this was you, there is nothing to do. If it was not, press the button now.
letter-not-asked = If you did not ask for this, tell whoever runs this installation.

letter-verify-subject = Confirm your address
letter-verify-heading = Confirm your address
letter-verify-text = Somebody, most likely you, opened an account with this address. Press the button to confirm that it is yours.
letter-verify-button = Confirm the address
letter-verify-footnote = The link is good for 24 hours. If you did not ask for an account, leave this letter: without confirmation nothing comes of it.

letter-known-subject = You have an account already
letter-known-heading = You have an account already
letter-known-text = Somebody, most likely you, tried to open an account with this address. There is one already, so nothing was changed. Sign in; if the password is lost, reset it there.
letter-known-button = Sign in
letter-known-footnote = If it was not you, nothing needs to be done.

letter-reset-subject = Reset your password
letter-reset-heading = Reset your password
letter-reset-text = Somebody, most likely you, asked to reset the password of this account. Type this code where you asked for it, or press the button, and choose a new one.
letter-reset-texted = The code was sent to your telephone.
letter-reset-button = Choose a new password
letter-reset-footnote = Link and code are good for 15 minutes and work once. If you did not ask, leave this letter: the password stays as it is. Never tell the code to anybody.

letter-locked-subject = Sign-in to your account is locked for a while
letter-locked-heading = Sign-in is locked
letter-locked-text = There were too many failed attempts to sign in to your account. It opens again at { $until }, or at once when you reset the password.
letter-locked-button = Reset the password

letter-new-device-subject = New sign-in to your account
letter-new-device-heading = A device that we have not seen before
letter-new-device-text = Somebody signed in to your account from a device that was not used before.
letter-new-device-button = See who is signed in

letter-signed-out-subject = We ended a sign-in to your account
letter-signed-out-heading = A sign-in was ended
letter-signed-out-text = A key of one of your sign-ins was used a second time, which can mean that somebody copied it. That sign-in was ended; your other devices stay signed in.
letter-signed-out-button = See who is signed in

letter-invitation-subject = { $inviter } invites you to { $business }
letter-invitation-heading = Join { $business }
letter-invitation-text = { $inviter } invites you to work in { $business } with Hearth.
letter-invitation-button = See the invitation
letter-invitation-footnote = The invitation is good for 7 days and works once. If you do not know who sent it, leave this letter.

letter-first-password-subject = Choose your password for { $business }
letter-first-password-heading = Welcome to { $business }
letter-first-password-text = An account was made for you with this address. Choose a password to sign in.
letter-first-password-button = Choose a password
letter-first-password-footnote = The link is good for 7 days and works once.

letter-again-subject = Your code
letter-again-heading = Confirm that it is you
letter-again-text = Type this code where you were asked for it:
letter-again-footnote = The code is good for 10 minutes. If you did not ask for it, somebody knows your password: change it. Never tell the code to anybody.

letter-second-factor-on-subject = Two-step sign-in was turned on
letter-second-factor-on-heading = Two-step sign-in is on
letter-second-factor-on-text = From now on, signing in to your account takes a second step.
letter-second-factor-on-button = See the account's security

letter-second-factor-off-subject = Two-step sign-in was turned off
letter-second-factor-off-heading = Two-step sign-in is off
letter-second-factor-off-text = From now on, a password alone signs in to your account.
letter-second-factor-off-button = See the account's security

letter-second-factor-reset-subject = Two-step sign-in was taken away
letter-second-factor-reset-heading = Two-step sign-in was taken away
letter-second-factor-reset-text = Whoever runs this installation took the second step and the passkeys of your account away, and signed you out everywhere. From now on, a password alone signs in to your account. Set a second step up again.
letter-second-factor-reset-button = See the account's security

letter-passkey-added-subject = A passkey was added
letter-passkey-added-heading = A passkey was added
letter-passkey-added-text = From now on, the passkey “{ $name }” signs in to your account.
letter-passkey-added-button = See the account's security

letter-passkey-removed-subject = A passkey was removed
letter-passkey-removed-heading = A passkey was removed
letter-passkey-removed-text = The passkey “{ $name }” does not sign in to your account any more.
letter-passkey-removed-button = See the account's security

letter-passkey-doubted-subject = A passkey may have been copied
letter-passkey-doubted-heading = A passkey may have been copied
letter-passkey-doubted-text = The passkey “{ $name }” counted its uses backwards, as only a copy does. It does not sign in any more. Remove it, and add a new one.
letter-passkey-doubted-button = See the account's security

letter-identity-linked-subject = Another way to sign in
letter-identity-linked-heading = Another way to sign in
letter-identity-linked-text = From now on, { $provider } signs in to your account, for it knows you by the same address.
letter-identity-linked-button = See the account's security

letter-password-changed-subject = Your password was changed
letter-password-changed-heading = Your password was changed
letter-password-changed-text = The password of your account was changed, and every other sign-in was ended.
letter-password-changed-button = Reset the password

letter-new-email-subject = Confirm your new address
letter-new-email-heading = Confirm your new address
letter-new-email-text = Somebody, most likely you, wants to use this address for an account. Press the button to confirm that it is yours.
letter-new-email-button = Confirm the address
letter-new-email-footnote = The link is good for 24 hours. If you did not ask for it, leave this letter: without confirmation nothing changes.

letter-email-changed-subject = The address of your account was changed
letter-email-changed-heading = The address of your account was changed
letter-email-changed-text = Your account now has the address { $new }. This is the last letter to the old one.
letter-email-changed-button = Reset the password

letter-data-exported-subject = A file of your data was taken
letter-data-exported-heading = A file of your data was taken
letter-data-exported-text = Somebody signed in to your account took a file of everything that is kept of you.
letter-data-exported-button = See who is signed in

letter-erase-asked-subject = Your account is going to be deleted
letter-erase-asked-heading = Your account is going to be deleted
letter-erase-asked-text = You asked to delete your account. It is done after { $at }. Signing in until then stops it.
letter-erase-asked-button = Keep the account

letter-erase-stopped-subject = Your account stays
letter-erase-stopped-heading = Your account stays
letter-erase-stopped-text = Your account was going to be deleted. Somebody signed in to it, so it stays.
letter-erase-stopped-button = See who is signed in

letter-erase-impossible-subject = Your account can't be deleted yet
letter-erase-impossible-heading = Your account can't be deleted yet
letter-erase-impossible-text = You asked to delete your account, and the 14 days are over. It stays, for the reason below. Mend that, and ask again.

letter-erasing-subject = Your account is deleted now
letter-erasing-heading = Your account is deleted now
letter-erasing-text = The 14 days are over. Within two hours your account is gone, and this address is kept nowhere. This is our last letter.

letter-support-look-subject = { $business } lets support look in
letter-support-look-heading = Support may look in
letter-support-look-text = { $owner } lets support look into { $business } until { $until }. Support sees it and can change nothing.
letter-support-look-button = See or end it

letter-support-act-subject = { $business } lets support in
letter-support-act-heading = Support may look in and act
letter-support-act-text = { $owner } lets support look into { $business } and act there until { $until }. Members, pay and keys are left out.
letter-support-act-button = See or end it

letter-support-shut-out-subject = { $business } shuts support out
letter-support-shut-out-heading = Support is shut out
letter-support-shut-out-text = { $owner } ended that support may look into { $business }.
letter-support-shut-out-button = See when it was there

letter-support-begun-subject = Support looks into { $business } now
letter-support-begun-heading = Support looks in
letter-support-begun-text = { $who } looks into { $business } on your behalf now. They say why: { $why }
letter-support-begun-button = See or end it

letter-test-subject = A test letter
letter-test-heading = It works
letter-test-text = This letter was sent to see whether letters arrive. They do.

# Letters: what the operator sees
place-mail = Mail
mail-title = Mail
mail-none = No mail server is set, so letters stay in the queue. Set HEARTH_SMTP_URL and HEARTH_MAIL_FROM and start again; "hearth mail test ADDRESS" tries them.
mail-carrier = Letters go to { $where }.
mail-empty-title = No letters here
mail-empty-text = Letters that the program writes appear here: waiting, sent, or refused by a mail server.
mail-states = State
mail-state-all = All
mail-state-queued = Waiting
mail-state-sending = Being sent
mail-state-sent = Sent
mail-state-dead = Given up
mail-state-cancelled = Cancelled
mail-written = Written
mail-kind = Letter
mail-state = State
mail-attempts = Attempts
mail-next = next
mail-acts = Acts
mail-resend = Send now
mail-resend-all = Send all { $count } that were given up again
mail-resend-all-ask = Send all of them again? A link or a code in a letter that waited long may be over.
mail-resent = { $count ->
    [0] No letter was given up.
    [one] One letter waits to be sent again.
   *[other] { $count } letters wait to be sent again.
}
mail-cancel = Cancel
mail-cancel-ask = Cancel this letter? It is never sent, and what it says is wiped.
log-letter-resent = Letter sent again
log-letters-resent = Letters that were given up sent again
log-letter-cancelled = Letter cancelled
letter-kind-verify = Confirm the address
letter-kind-known = Account exists already
letter-kind-reset = Reset of the password
letter-kind-locked = Sign-in locked
letter-kind-new-device = New device
letter-kind-signed-out = Sign-in ended
letter-kind-invitation = Invitation
letter-kind-first-password = First password
letter-kind-again = Code
letter-kind-second-factor-on = Two-step sign-in on
letter-kind-second-factor-off = Two-step sign-in off
letter-kind-second-factor-reset = Two-step sign-in taken away
letter-kind-passkey-added = Passkey added
letter-kind-passkey-removed = Passkey removed
letter-kind-passkey-doubted = Passkey doubted
letter-kind-identity-linked = Identity provider
letter-kind-password-changed = Password changed
letter-kind-new-email = Confirm the new address
letter-kind-email-changed = Address changed
letter-kind-data-exported = File of data
letter-kind-erase-asked = Deletion asked for
letter-kind-erase-stopped = Deletion stopped
letter-kind-erase-impossible = Deletion impossible
letter-kind-erasing = Account deleted
letter-kind-support-look = Support may look
letter-kind-support-act = Support may act
letter-kind-support-shut-out = Support shut out
letter-kind-support-begun = Support at work
letter-kind-test = Test letter
letter-kind-phone-set = Telephone for codes
letter-kind-phone-removed = No telephone for codes
letter-kind-new-phone = Code for a new telephone
letter-phone-set-subject = Your codes go to a telephone
letter-phone-set-heading = Your codes go to a telephone
letter-phone-set-text = Codes of your account are sent to the telephone whose number ends in { $ending } from now on.
letter-phone-set-button = See the account's security
letter-phone-removed-subject = Your codes go to this address again
letter-phone-removed-heading = Your codes go to this address again
letter-phone-removed-text = Codes of your account are sent to no telephone any more.
letter-phone-removed-button = See the account's security
text-code = { $code } is your code for { $name }. Never tell it to anybody.
mail-texts = Text messages leave by { $where }.
