-- Everybody who sends us webhooks.
SELECT digest, epoch, wrapped FROM webhook
