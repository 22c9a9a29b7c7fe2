-- Nobody reads `pinned_space` since each participant believes for itself.
DROP TABLE pinned_space;
