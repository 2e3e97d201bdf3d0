SELECT channel()
