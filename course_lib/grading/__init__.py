"""Grading submissions of the exercise notebooks: `python -m course_lib.grading`, for teachers, from a clone.

No line of a student's code runs in a process that decides about points. An answer runs in a sandbox and exchanges plain
data with the checks, which run in a kernel that nbval drives. How to use it: `workshop/grading.md`.

| module | what it does |
|---|---|
| `course` | the committed notebooks, their exercises and solutions |
| `finding`, `collecting` | answers in a submission; submissions in a folder, a zip or a list of files |
| `sandbox`, `staging` | the command that starts a sandbox, and the files that are visible in it |
| `nursery`, `cradle`, `apart` | forking sandboxes: the grader's end, the process that forks, what sets the forked apart |
| `worker`, `child` | the two processes inside a sandbox |
| `channel`, `processes` | the grader's end: frames, deadlines, memory, and no process left behind |
| `judging` | one submission, exercise by exercise |
| `kernel`, `plugin`, `batches` | nbval as judge: many submissions in one trusted kernel |
| `grade`, `selftest` | a whole class: jobs, resume, and the test that comes before the first student |
| `cluster` | batches on the machines of a Dask cluster |
| `rows`, `pages`, `roster`, `stats` | CSV and JSON, HTML and feedback, a grade book's column, what to teach again |
"""
