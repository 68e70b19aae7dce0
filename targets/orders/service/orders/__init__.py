"""An order service: logins in Redis, products and orders in PostgreSQL, JSON over HTTP."""
