"""Op definitions by dialect: schemas, type inference and evaluation."""
