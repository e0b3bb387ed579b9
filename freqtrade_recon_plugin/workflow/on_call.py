"""What the DAGs and their tasks say to the person on call, in the words of Airflow's UI.

Each text says what the task does, what a failure of it means for the bots, and what to do.
"""

from __future__ import annotations

from freqtrade_recon_plugin.workflow import names

RECONCILIATION = """
### Position reconciliation
Compares what every registered bot believes it holds with what its exchange reports.

* **Small** divergence is corrected by itself (`auto_correct`).
* **Large** divergence halts the symbol at once, alerts (`pause_and_alert`), and asks a person in a
  run of **divergence_approval**.
* A side that cannot be read is never taken as evidence; nothing is corrected from it.

**A red run** names what failed in the log of `report`. The other accounts were still reconciled.
If this DAG does not run for `dead_man_s` (15 minutes by default), the bots refuse new exposure by
themselves; stops and exits keep working.
"""

APPROVAL = """
### Approval of one large divergence
One run per incident; the run id is the action's id. The symbol is halted until this is decided.

1. Open **await_approval** and read the request: book, exchange, difference, what would be booked.
2. Look at the exchange yourself.
3. **Approve**: press Approve, or mark `await_approval` successful (a note goes to the audit trail).
   **Reject**: press Reject, or mark it failed. The symbol then stays halted.

Do not mark the *run*, and do not mark in bulk: that names nobody, so nothing is applied and you are
asked again. At a command line: `freqtrade-recon approve ACTION --by NAME`.
"""

TASKS = {
    names.LIST_ACCOUNTS: """
Reads the accounts of all registered bots from the store.

**Red:** the store cannot be read; the log has one line that names what is wrong. Nothing was
reconciled. Check Connection `recon_store` (or `RECON_DATABASE_URL`) and the database;
`freqtrade-recon db upgrade` if it says so.
""",
    names.DETECT: """
Reads the exchange of each account of this batch and compares it with the bots' books. A large
divergence is recorded and its symbol halted in one step.

**Red:** an account of this batch could not be reconciled; the last line of the log names it. A
missing Connection is `recon_<account>`: read-only key as login, secret as password, and
`{"exchange": "…"}` as extra. The other accounts of the batch are done.
""",
    names.TO_CORRECT: "Picks the small divergences from the store. Nothing to do here.",
    names.TO_APPROVE: "Picks the halted symbols that nobody was asked about. Nothing to do here.",
    names.BRANCH: "Chooses how the cycle goes on. Nothing to do here.",
    names.AUTO_CORRECT: """
Has the bot book one small divergence, and compares again.

**Red:** it did not verify. The symbol is halted and alerted; the next cycle asks a person. Check
that the bot runs: it must execute the command itself.
""",
    names.PAUSE_AND_ALERT: """
The symbol is halted already. Delivers the alert and starts the approval run.

**Red:** nobody may have been told. Look at `freqtrade-recon actions --status pending_approval`
and decide there, or let the next cycle try again.
""",
    names.IN_SYNC: "Nothing to correct and nobody to ask in this cycle.",
    names.REPORT: """
Sums up the cycle. **Red** when any part of it failed; the last line of the log says which.
""",
    names.AWAIT_APPROVAL: """
**A position differs from the book, the symbol is halted, and you decide.**

Read the request under *Required Actions*: the numbers, and what would be booked. Look at the
exchange. Then

* **Approve**: press Approve, or mark this task *successful* (add a note);
* **Reject**: press Reject, or mark this task *failed*.

Before anything is booked both sides are read once more; if the numbers have moved, nothing is
booked and you are asked again.
""",
    names.APPLY_APPROVED: """
Establishes who decided, reads both sides again, and commands the bot to book what was approved.

**Skipped:** it was rejected, or the numbers moved and a new request follows.
**Red:** nobody could be named for the decision; nothing was booked and the symbol stays halted.
The log says why and what to do; the next cycle asks again.
""",
    names.VERIFY_AND_RESUME: """
Waits for the bot, compares book and exchange afresh, and lets the symbol trade again.

**Red:** it did not verify; the symbol stays halted and the next cycle makes a new request. Check
that the bot runs and what `freqtrade-recon show ACTION` says.
""",
}
