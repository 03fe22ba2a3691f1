-- Made by tools/doc_examples from examples/payments.sql; change that instead.
SET client_min_messages = warning;
DROP SERVER IF EXISTS bank CASCADE;
DROP SCHEMA IF EXISTS example_payments CASCADE;
DROP ROLE IF EXISTS payments_teller;
CREATE SCHEMA example_payments;
SET search_path = example_payments, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, MDY';
SET IntervalStyle = 'postgres';
RESET client_min_messages;

--
-- Payments: turnover per hour and country, joined with a table of customers.
--
-- Shows: joins with tables that change, HAVING and expressions over
-- aggregates, a trigger on results in the same transaction, rights.
--
-- Runs without Kafka as it is.  With Kafka, give the server an address and
-- leave out the INSERTs into the stream.
--
CREATE SERVER bank FOREIGN DATA WRAPPER stream_agg;

CREATE FOREIGN TABLE payments (
    customer int NOT NULL,
    amount   numeric(12, 2) NOT NULL CHECK (amount > 0),
    currency char(3) NOT NULL DEFAULT 'EUR',
    paid_at  timestamptz
) SERVER bank OPTIONS (topic 'payments', event_time 'paid_at', max_out_of_orderness '1 minute');

CREATE TABLE customers (id int PRIMARY KEY, country char(2) NOT NULL);
CREATE TABLE rates (currency char(3) PRIMARY KEY, euro numeric NOT NULL);
INSERT INTO customers VALUES (1, 'DE'), (2, 'FR'), (3, 'DE');
INSERT INTO rates VALUES ('EUR', 1), ('USD', 0.92);

-- The tables are read as they are when a payment arrives.  A customer that is
-- not known yet counts under a country that is NULL (LEFT JOIN); a payment in a
-- currency without a rate counts nowhere (JOIN).
CREATE MATERIALIZED VIEW turnover WITH (stream_agg.continuous) AS
SELECT window_start, c.country,
       count(*) AS payments,
       sum(p.amount * r.euro) AS euro,
       round(sum(p.amount * r.euro) / count(*), 2) AS mean
FROM payments p
     JOIN rates r USING (currency)
     LEFT JOIN customers c ON c.id = p.customer,
     tumble(p.paid_at, '1 hour')
GROUP BY window_start, c.country;

-- Customers who pay in small pieces: only groups that fulfil HAVING are shown.
CREATE MATERIALIZED VIEW splitters WITH (stream_agg.continuous) AS
SELECT window_start, customer, count(*) AS payments, sum(amount) AS amount
FROM payments, tumble(paid_at, '1 hour')
WHERE amount < 1000 AND currency = 'EUR'
GROUP BY window_start, customer
HAVING count(*) >= 3;

-- An alert in the transaction that brought the third payment.  A batch writes
-- each of its groups once, so the count may jump from one to four, or a group
-- may begin with three.
CREATE TABLE alerts (customer int, hour timestamptz, payments bigint);
CREATE FUNCTION alert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO alerts VALUES (NEW.customer, NEW.window_start, NEW.payments);
    RETURN NULL;
END $$;
-- Triggers run as the view's owner, with the settings that the view was created with.
CREATE TRIGGER three_at_once AFTER INSERT ON stream_agg_data.splitters
    FOR EACH ROW WHEN (NEW.payments >= 3) EXECUTE FUNCTION alert();
CREATE TRIGGER third AFTER UPDATE ON stream_agg_data.splitters
    FOR EACH ROW WHEN (NEW.payments >= 3 AND OLD.payments < 3) EXECUTE FUNCTION alert();

INSERT INTO payments VALUES (1, 900, DEFAULT, '2026-03-01 12:01Z'),
                            (2, 100, 'USD',   '2026-03-01 12:02Z');
INSERT INTO payments VALUES (1, 950, DEFAULT, '2026-03-01 12:03Z'),
                            (9,  10, DEFAULT, '2026-03-01 12:04Z'),
                            (3,  50, 'XXX',   '2026-03-01 12:05Z');
INSERT INTO payments VALUES (1, 990, DEFAULT, '2026-03-01 12:06Z');

SELECT * FROM turnover ORDER BY country;
SELECT * FROM splitters;
SELECT * FROM alerts;

-- A customer who becomes known now is known for later payments.
INSERT INTO customers VALUES (9, 'AT');
INSERT INTO payments VALUES (9, 20, DEFAULT, '2026-03-01 12:07Z');
SELECT country, payments, euro FROM turnover ORDER BY country;

-- What belongs to one business transaction is one transaction here, too.
BEGIN;
INSERT INTO payments VALUES (2, 500, DEFAULT, '2026-03-01 12:08Z');
SELECT payments, euro FROM turnover WHERE country = 'FR';
ROLLBACK;
SELECT payments, euro FROM turnover WHERE country = 'FR';

-- Results are for those who are granted them; whoever may insert payments need
-- not see anything.
CREATE ROLE payments_teller;
-- (in schema public the next line is not needed)
SELECT format('GRANT USAGE ON SCHEMA %I TO payments_teller', current_schema) \gexec
GRANT INSERT ON payments TO payments_teller;
SET ROLE payments_teller;
INSERT INTO payments VALUES (3, 70, DEFAULT, '2026-03-01 12:09Z');
SELECT * FROM turnover;
RESET ROLE;
SELECT payments, euro FROM turnover WHERE country = 'DE';

-- the end of examples/payments.sql
RESET ROLE;
SET client_min_messages = warning;
DROP SERVER IF EXISTS bank CASCADE;
DROP SCHEMA IF EXISTS example_payments CASCADE;
DROP ROLE IF EXISTS payments_teller;
