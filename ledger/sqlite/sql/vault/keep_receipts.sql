-- What an erasure has destroyed.
UPDATE erasure SET receipt = ? WHERE event = ?
