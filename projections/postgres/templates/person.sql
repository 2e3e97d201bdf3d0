CASE WHEN {seen} THEN {column} END AS {column}
