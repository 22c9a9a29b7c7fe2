"""The database port on PostgreSQL: any number of replicas."""
