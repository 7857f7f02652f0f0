"""Migrations whose order is the number in their file's name: Flyway, golang-migrate, goose, dbmate, plain folders."""
