-- The business's own rules and face: whom it asks for a second factor, how it looks to the outside, which of its owners can act.

ALTER TABLE identity.policy
    ADD COLUMN second_factor text NOT NULL DEFAULT 'offered' CHECK (second_factor IN ('offered', 'roles', 'everybody')),
    -- Whom it is asked of, where that is 'roles'.
    ADD COLUMN second_roles text[] NOT NULL DEFAULT '{}'
        CHECK (second_roles <@ ARRAY['owner', 'manager', 'accountant', 'baker', 'storekeeper', 'seller', 'driver']),
    ADD COLUMN second_own_roles uuid[] NOT NULL DEFAULT '{}';

CREATE OR REPLACE VIEW identity.standing WITH (security_invoker = true) AS
    SELECT m.tenant_id, m.account_id, t.name AS business, t.slug, m.name, m.roles,
        ARRAY(SELECT DISTINCT p FROM identity.role r, unnest(r.permissions) p WHERE r.tenant_id = m.tenant_id AND r.id = ANY (m.own_roles)) AS own_permissions,
        (SELECT jsonb_agg(jsonb_build_array(i.id, i.name, i.time_zone, i.day_start, i.currency) ORDER BY i.created_at, i.id)
            FROM identity.site i WHERE i.tenant_id = m.tenant_id) AS sites,
        p.idle_minutes, p.reauth_hours,
        coalesce(p.second_factor = 'everybody'
            OR (p.second_factor = 'roles' AND (m.roles && p.second_roles OR m.own_roles && p.second_own_roles)), false) AS second_demanded
    FROM identity.member m JOIN db.tenant t ON t.id = m.tenant_id LEFT JOIN identity.policy p ON p.tenant_id = m.tenant_id
    WHERE m.state = 'active';

-- A change of somebody's factors changes what they may do; their tokens stand.
ALTER TABLE identity.revocation ADD COLUMN rights boolean NOT NULL DEFAULT false;

-- Whether the account is locked, for the business to know which of its owners can act: what locks and unlocks keeps it so.
ALTER TABLE identity.member ADD COLUMN locked boolean NOT NULL DEFAULT false;
ALTER TABLE identity.member NO FORCE ROW LEVEL SECURITY;
UPDATE identity.member m SET locked = true FROM identity.account a WHERE a.id = m.account_id AND a.locked_at IS NOT NULL;
ALTER TABLE identity.member FORCE ROW LEVEL SECURITY;

-- The business whose sign-in page was used: it becomes the active one once the second factor was given.
ALTER TABLE identity.challenge ADD COLUMN business text;

-- How a business looks on its letters and its sign-in page.
CREATE TABLE identity.brand (
    tenant_id uuid PRIMARY KEY REFERENCES db.tenant (id),
    colour text CHECK (colour ~ '^#[0-9a-f]{6}$'),
    -- Where answers to its letters go.
    reply_to text CHECK (length(reply_to) BETWEEN 3 AND 320),
    -- Whether it has a sign-in page of its own, which anybody sees who knows its short name.
    sign_in_page boolean NOT NULL,
    -- A PNG, encoded anew by the program; the beginning of its SHA-256 in hex; its size in pixels.
    logo bytea CHECK (octet_length(logo) <= 1048576),
    logo_digest text CHECK (logo_digest ~ '^[0-9a-f]{32}$'),
    logo_width int CHECK (logo_width > 0),
    logo_height int CHECK (logo_height > 0),
    version int NOT NULL,
    CONSTRAINT brand_logo_whole CHECK (num_nulls(logo, logo_digest, logo_width, logo_height) IN (0, 4))
);
SELECT db.tenant_table('identity.brand');
