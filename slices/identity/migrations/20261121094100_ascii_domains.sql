-- The domain of an address is kept in ASCII (IDNA) from now on, so that a mailbox is one account however its domain is written.
-- Addresses that were kept as they were typed are written so here. Where both ways of writing one have an account already, each keeps
-- its own: the program finds the one in ASCII, and an operator the other.
CREATE FUNCTION identity.label_in_ascii(label text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
-- Punycode (RFC 3492, section 6.3), with the names that the RFC uses.
DECLARE
    digits CONSTANT text := 'abcdefghijklmnopqrstuvwxyz0123456789';
    points CONSTANT int[] := ARRAY(SELECT ascii(u.c) FROM unnest(string_to_array(label, NULL)) WITH ORDINALITY AS u (c, i) ORDER BY u.i);
    b CONSTANT int := (SELECT count(*) FROM unnest(points) AS u (p) WHERE u.p < 128);
    h int := b;
    n int := 128;
    delta int := 0;
    bias int := 72;
    point int;
    q int;
    k int;
    t int;
    encoded text := coalesce((SELECT string_agg(chr(u.p), '' ORDER BY u.i) || '-' FROM unnest(points) WITH ORDINALITY AS u (p, i) WHERE u.p < 128), '');
BEGIN
    IF octet_length(label) = length(label) THEN
        RETURN label;
    END IF;
    WHILE h < cardinality(points) LOOP
        point := (SELECT min(u.p) FROM unnest(points) AS u (p) WHERE u.p >= n);
        delta := delta + (point - n) * (h + 1);
        n := point;
        FOREACH point IN ARRAY points LOOP
            IF point < n THEN
                delta := delta + 1;
            ELSIF point = n THEN
                q := delta;
                k := 36;
                LOOP
                    t := least(greatest(k - bias, 1), 26);
                    EXIT WHEN q < t;
                    encoded := encoded || substr(digits, t + (q - t) % (36 - t) + 1, 1);
                    q := (q - t) / (36 - t);
                    k := k + 36;
                END LOOP;
                encoded := encoded || substr(digits, q + 1, 1);
                delta := delta / CASE WHEN h = b THEN 700 ELSE 2 END;
                delta := delta + delta / (h + 1);
                k := 0;
                WHILE delta > 455 LOOP
                    delta := delta / 35;
                    k := k + 36;
                END LOOP;
                bias := k + 36 * delta / (delta + 38);
                delta := 0;
                h := h + 1;
            END IF;
        END LOOP;
        delta := delta + 1;
        n := n + 1;
    END LOOP;
    RETURN 'xn--' || encoded;
END $$;

-- As it is kept from now on; one that would be too long stays as it is.
CREATE FUNCTION identity.address_in_ascii(address text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN length(d.domain) <= 253 THEN split_part(address, '@', 1) || '@' || d.domain ELSE address END
    FROM (
        SELECT string_agg(identity.label_in_ascii(l.label), '.' ORDER BY l.i) AS domain
        FROM unnest(string_to_array(split_part(address, '@', 2), '.')) WITH ORDINALITY AS l (label, i)
    ) d
$$;

-- Members' addresses follow by their foreign key.
UPDATE identity.account a SET email = identity.address_in_ascii(a.email)
WHERE octet_length(split_part(a.email, '@', 2)) > length(split_part(a.email, '@', 2))
    AND NOT EXISTS (SELECT 1 FROM identity.account o WHERE o.email = identity.address_in_ascii(a.email));
UPDATE identity.registration SET email = identity.address_in_ascii(email)
WHERE octet_length(split_part(email, '@', 2)) > length(split_part(email, '@', 2));
UPDATE identity.challenge SET email = identity.address_in_ascii(email)
WHERE octet_length(split_part(email, '@', 2)) > length(split_part(email, '@', 2));

-- The tables' owner sees no business's rows otherwise.
ALTER TABLE identity.invitation NO FORCE ROW LEVEL SECURITY;
UPDATE identity.invitation i SET email = identity.address_in_ascii(i.email)
WHERE octet_length(split_part(i.email, '@', 2)) > length(split_part(i.email, '@', 2)) AND NOT EXISTS (
    SELECT 1 FROM identity.invitation o
    WHERE o.tenant_id = i.tenant_id AND o.email = identity.address_in_ascii(i.email) AND o.used_at IS NULL AND o.revoked_at IS NULL);
ALTER TABLE identity.invitation FORCE ROW LEVEL SECURITY;

DROP FUNCTION identity.address_in_ascii(text);
DROP FUNCTION identity.label_in_ascii(text);
