PREPARE planned AS WITH {questions} SELECT * FROM {name}
