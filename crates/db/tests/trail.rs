//! The log as a chain, activity, intents and jobs, on a PostgreSQL of each test's own: the tests spoil what nobody else may touch.

mod trail {
    mod activity;
    mod chain;
    mod intents;
    mod jobs;
    mod personal;
    mod spoiled;
    pub mod world;
}
