//! An item of a plan as a row, for the formats with one line for each item.

use super::item::Item;
use crate::output::{Column, Row, Times, column};

impl Row for Item {
    const COLUMNS: &'static [Column] = &[
        column("ACTION", 0),
        column("KIND", 1),
        column("HANDLE", 0),
        column("CLIENT", 2),
        column("STATUS", 0),
        column("ERROR", 3),
    ];

    fn handle(&self) -> String {
        self.handle.clone()
    }

    fn cells(&self, _: &Times) -> Vec<String> {
        let error = self.error.as_ref().map(|error| error.parts().code.to_string());
        vec![
            self.action().as_str().to_owned(),
            self.kind().as_str().to_owned(),
            self.handle.clone(),
            self.client.clone(),
            self.state.as_str().to_owned(),
            error.unwrap_or_default(),
        ]
    }
}
