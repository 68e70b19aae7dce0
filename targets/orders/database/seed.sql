-- 500 customers, 400 products, 20,000 orders of three lines each.
CREATE ROLE orders LOGIN;
CREATE DATABASE orders OWNER orders;
\connect orders
SET ROLE orders;

CREATE TABLE customers (id serial PRIMARY KEY, name text UNIQUE NOT NULL, salt text NOT NULL, digest text NOT NULL);
CREATE TABLE products (id serial PRIMARY KEY, category text NOT NULL, name text NOT NULL, price_cents int NOT NULL,
    stock int NOT NULL CHECK (stock >= 0));
CREATE TABLE orders (id serial PRIMARY KEY, customer int NOT NULL REFERENCES customers, total_cents int NOT NULL,
    paid boolean NOT NULL DEFAULT false, placed timestamptz NOT NULL DEFAULT now());
CREATE TABLE lines (ordered int NOT NULL REFERENCES orders, product int NOT NULL REFERENCES products,
    quantity int NOT NULL, price_cents int NOT NULL);
CREATE INDEX ON products (category);
CREATE INDEX ON orders (customer, id);
CREATE INDEX ON lines (ordered);

-- Everybody's password is "secret": PBKDF2 over 2000 rounds with the salt "salt", as the service computes it.
INSERT INTO customers (name, salt, digest)
    SELECT 'customer-' || n, 'salt', '0536506d66a4e2fbcb470a88f6a85ccaad74b68e394f3f86d99e4ddd2e3c9113' FROM generate_series(1, 500) AS n;
INSERT INTO products (category, name, price_cents, stock)
    SELECT (ARRAY['books', 'garden', 'kitchen', 'office', 'sport', 'tools', 'toys', 'travel'])[1 + n % 8],
        'Product ' || n, 100 + n * 37 % 9900, 1000000 FROM generate_series(1, 400) AS n;
INSERT INTO orders (customer, total_cents, paid)
    SELECT 1 + n % 500, 0, true FROM generate_series(1, 20000) AS n;
INSERT INTO lines (ordered, product, quantity, price_cents)
    SELECT orders.id, products.id, 1 + (orders.id + k) % 3, products.price_cents
    FROM orders, generate_series(1, 3) AS k, products WHERE products.id = 1 + (orders.id * 7 + k * 131) % 400;
UPDATE orders SET total_cents = sums.cents
    FROM (SELECT ordered, sum(quantity * price_cents) AS cents FROM lines GROUP BY ordered) AS sums
    WHERE sums.ordered = orders.id;
ANALYZE;
