"""Commands of operators: flexibility by slice, plans, events and enrolment."""
