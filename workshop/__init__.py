"""What a teacher needs beside the book, made from the chapters themselves: `python -m workshop --help`.

| command | what it makes |
|---|---|
| `guide PART/TOPIC` | a facilitator guide: aims, plan in minutes, bets, live demos, the common wrong answers and what to say |
| `agenda NAME` | a timetable and one notebook for it, from the plan in `workshop/agendas/NAME.yml` |
| `slides PART/TOPIC` | reveal.js slides from the built page, the prose as speaker's notes, without a network |
| `handout` | the course's two pictures on a sheet of A4 |
| `bundle` | a zip with the site, all notebooks and the library, for a room without a network |
"""
