CREATE TABLE category (slug TEXT PRIMARY KEY, title TEXT NOT NULL);

CREATE TABLE product (
    id INTEGER PRIMARY KEY,
    category TEXT NOT NULL REFERENCES category (slug),
    brand TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    price_cents INTEGER NOT NULL,
    stock INTEGER NOT NULL
);

CREATE TABLE review (
    product_id INTEGER NOT NULL REFERENCES product (id),
    author TEXT NOT NULL,
    stars INTEGER NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE order_line (
    order_id INTEGER NOT NULL,
    product_id INTEGER NOT NULL REFERENCES product (id)
);

CREATE INDEX product_by_category ON product (category);
CREATE INDEX review_by_product ON review (product_id, stars);
CREATE INDEX order_line_by_product ON order_line (product_id, order_id);
CREATE INDEX order_line_by_order ON order_line (order_id, product_id);

CREATE VIRTUAL TABLE product_text USING fts5 (
    name, brand, description, content = 'product', content_rowid = 'id', tokenize = 'porter'
);
