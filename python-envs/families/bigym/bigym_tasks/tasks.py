"""BiGym's 40 tasks: where each is, what the robot has to do, and how long an episode may take."""

from dataclasses import dataclass

# Control steps a second that the time limits are counted at.
FREQUENCY = 50


@dataclass(frozen=True)
class Task:
    """A task.

    Attributes:
        module: The module of `bigym.envs` that has its class.
        goal: What the robot has to do.
        seconds: Simulated time after which an episode is truncated. It is the episode length with which RoboBase, the library of
            BiGym's authors, trains the task (`robobase/cfgs/env/bigym`, in physics steps of 2 ms).
    """

    module: str
    goal: str
    seconds: int

    @property
    def max_episode_steps(self):
        """The time limit in steps at 50 Hz."""
        return self.seconds * FREQUENCY


TASKS = {
    "ReachTarget": Task("reach_target", "Touch a floating sphere with either wrist.", 2),
    "ReachTargetSingle": Task("reach_target", "Touch a floating sphere with the left wrist.", 2),
    "ReachTargetDual": Task("reach_target", "Touch two floating spheres at once, each with the wrist of its side.", 2),
    "FlipCup": Task("manipulation", "Turn a cup that stands upside down on the counter upright, and let go of it.", 11),
    "FlipCutlery": Task("manipulation", "Take a spoon out of its cup, turn it over and put it back with the other end down.", 25),
    "StackBlocks": Task("manipulation", "Stack three blocks into a tower on the marked area at the far side of the table.", 57),
    "MovePlate": Task("move_plates", "Move a plate from one draining rack into the other.", 6),
    "MoveTwoPlates": Task("move_plates", "Move two plates from one draining rack into the other.", 11),
    "GroceriesStoreLower": Task("groceries", "Store four groceries, drawn at random, in the cabinets below the counter.", 64),
    "GroceriesStoreUpper": Task("groceries", "Store four groceries, drawn at random, in the wall cabinets and on the shelf.", 38),
    "DishwasherOpen": Task("dishwasher", "Open the door of the dishwasher and pull out both trays.", 15),
    "DishwasherClose": Task("dishwasher", "Push in both trays of the dishwasher and close its door.", 15),
    "DishwasherOpenTrays": Task("dishwasher", "Pull out both trays of the open dishwasher.", 19),
    "DishwasherCloseTrays": Task("dishwasher", "Push in both trays of the open dishwasher.", 16),
    "DishwasherUnloadPlates": Task("dishwasher_plates", "Move two plates from the lower tray into the rack on the counter.", 40),
    "DishwasherUnloadPlatesLong": Task(
        "dishwasher_plates",
        "Move a plate from the dishwasher into the rack in the closed wall cabinet, then close dishwasher and cabinet.",
        52,
    ),
    "DishwasherLoadPlates": Task(
        "dishwasher_plates", "Move two plates from the rack on the counter upright into the lower tray.", 28
    ),
    "DishwasherUnloadCups": Task("dishwasher_cups", "Move two cups from the middle tray of the dishwasher onto the counter.", 20),
    "DishwasherUnloadCupsLong": Task(
        "dishwasher_cups", "Move a cup from the dishwasher into the closed wall cabinet, then close dishwasher and cabinet.", 36
    ),
    "DishwasherLoadCups": Task("dishwasher_cups", "Move two cups from the counter into the middle tray of the dishwasher.", 15),
    "DishwasherUnloadCutlery": Task(
        "dishwasher_cutlery", "Move a knife and a fork from the basket of the dishwasher into the tray on the counter.", 31
    ),
    "DishwasherUnloadCutleryLong": Task(
        "dishwasher_cutlery",
        "Move a fork from the dishwasher into the cutlery tray in the closed drawer, then close dishwasher and drawer.",
        36,
    ),
    "DishwasherLoadCutlery": Task(
        "dishwasher_cutlery", "Move a knife and a fork from the cup on the counter into the basket of the dishwasher.", 14
    ),
    "DrawerTopOpen": Task("cupboards", "Open the top drawer of the kitchen cabinet.", 10),
    "DrawerTopClose": Task("cupboards", "Close the top drawer of the kitchen cabinet.", 6),
    "DrawersAllOpen": Task("cupboards", "Open all three drawers of the kitchen cabinet.", 24),
    "DrawersAllClose": Task("cupboards", "Close all three drawers of the kitchen cabinet.", 10),
    "WallCupboardOpen": Task("cupboards", "Open both doors of the wall cabinet.", 12),
    "WallCupboardClose": Task("cupboards", "Close both doors of the wall cabinet.", 6),
    "CupboardsOpenAll": Task("cupboards", "Open every door and every drawer of the kitchen.", 45),
    "CupboardsCloseAll": Task("cupboards", "Close every door and every drawer of the kitchen.", 31),
    "PutCups": Task("pick_and_place", "Put two cups from the counter into the closed wall cabinet.", 17),
    "TakeCups": Task("pick_and_place", "Take two cups out of the closed wall cabinet and put them on the counter.", 21),
    "StoreBox": Task("pick_and_place", "Move a large box from the counter onto the shelf of the cabinet below.", 30),
    "PickBox": Task("pick_and_place", "Lift a large box from the floor onto the counter.", 27),
    "SaucepanToHob": Task("pick_and_place", "Take a saucepan out of the closed cabinet and put it on the hob.", 22),
    "StoreKitchenware": Task("pick_and_place", "Move a saucepan and a frying pan from the hob into the cabinet below.", 40),
    "ToastSandwich": Task(
        "pick_and_place", "Put a sandwich from the board into the frying pan with a spatula, never with a gripper.", 33
    ),
    "FlipSandwich": Task("pick_and_place", "Turn the sandwich in the frying pan over with a spatula, never with a gripper.", 31),
    "RemoveSandwich": Task(
        "pick_and_place", "Move the sandwich from the frying pan onto the board with a spatula, never with a gripper.", 27
    ),
}
