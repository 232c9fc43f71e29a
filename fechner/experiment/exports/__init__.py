"""What journals become: tables and datasets that other tools read."""
