"""The HTTP door: touchpoints from anywhere, answers for those who may.

`writing` takes touchpoints in, `deciding` carries out commands, `reading` answers, `running` keeps it all going.
"""
