(SELECT * FROM {recorded} UNION ALL BY NAME SELECT * FROM supposed)
