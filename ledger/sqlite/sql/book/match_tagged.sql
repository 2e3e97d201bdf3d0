-- Positions of events that carry a tag, all the other tags, and one of the types (none: any type).
SELECT t.position
FROM event_tag AS t
JOIN event AS e ON e.position = t.position
WHERE t.tag = :tag
  AND t.position > :after
  AND t.position <= :upto
  AND (:types = '[]' OR e.type IN (SELECT value FROM json_each(:types)))
  AND NOT EXISTS (
      SELECT 1
      FROM json_each(:others) AS other
      WHERE NOT EXISTS (
          SELECT 1 FROM event_tag AS x WHERE x.tag = other.value AND x.position = t.position
      )
  )
ORDER BY t.position
LIMIT :limit
