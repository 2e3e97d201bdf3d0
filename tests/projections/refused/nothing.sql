-- nothing: made to be refused.

