# Accounts and sign-in
account-email = E-mail address
account-password = Password
login-title = Sign in
login-submit = Sign in
login-new = New here?
login-register = Register
register-title = Register
register-submit = Register
register-known = You have a password already?
register-login = Sign in
register-done = You can sign in now. If this address had a password before, that one still counts.
password-help = At least 15 characters. A few unrelated words work well.
reset-title = Choose your password
reset-submit = Keep this password

# Businesses
open-title = Open a business
open-further = First site, start of the day
open-submit = Open the business
businesses-title = Your businesses
businesses-none = You are in no business yet
businesses-first = Open one, or ask a colleague to add you to theirs.
business-name = Name of the business
business-slug = Short name
business-slug-help = 2 to 40 small letters, digits and hyphens. It is part of addresses and stays as it is.
business-site = Name of its first site
business-site-help = The shop, kitchen or bakehouse. The business's name, if you leave it empty.
business-state = State
business-active = Active
business-enter = Work here

# Settings and sites
place-settings = Settings
settings-save = Save
sites-title = Sites
sites-none = No sites
sites-first = Add the first one.
site-add = Add a site
site-leave = Don't add
site-name = Name
site-zone = Time zone
site-zone-help = Such as Europe/London.
site-currency = Currency
site-currency-help = Three letters, such as GBP.
site-day-start = The day begins at
site-day-start-help = What is sold before this time belongs to the day before.

# Members
place-team = Team
team-none = No members
team-first = Add the first one.
team-add = Add a member
team-leave = Don't add
team-back = Back to the team
member-name = Name
member-email = E-mail address
member-roles = Roles
member-roles-help = You can give what your own roles include.
member-since = Since
member-save = Save roles
member-added = { $name } is a member now.
member-link = Give them this link. It stands 7 days, works once, and is not shown again; there they choose a password.

# Kinds and what the trail says
kind-tenant = Business
kind-member = Member
kind-site = Site
log-tenant-opened = Business opened
log-tenant-renamed = Business renamed
log-member-added = Member added
log-member-roles = Roles changed
log-site-added = Site added
