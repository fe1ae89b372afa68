/** Why there is no Python environment to run in. */
export type PythonEnvProblem =
  | 'no-python'
  | 'no-venv'
  | 'no-lock'
  | 'no-network'
  | 'disk-full'
  | 'install'
  | 'cancelled';

/** Raised by the finding of interpreters and the making of environments alone; the message is one sentence with what to do. */
export class PythonEnvError extends Error {
  override readonly name = 'PythonEnvError';
  readonly problem: PythonEnvProblem;

  constructor(problem: PythonEnvProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.problem = problem;
  }
}
