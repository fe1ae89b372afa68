"""BiGym's tasks as Gymnasium environments."""
