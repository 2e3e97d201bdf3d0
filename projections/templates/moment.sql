(SELECT now FROM the_clock)
