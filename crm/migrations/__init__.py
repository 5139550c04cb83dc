"""Migrations of the tables, made by crm.migrate and Tortoise."""
