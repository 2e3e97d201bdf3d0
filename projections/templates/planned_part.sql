{name} AS ({select})
