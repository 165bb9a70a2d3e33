//! Domains of direct delivery whose hosts are not known yet.

use std::sync::Arc;

use postrider_types::Timestamp;

use super::Lines;
use crate::bounds::RESOLVING_MAX;
use crate::core::hands::StrandId;
use crate::core::pools::WayId;
use crate::settings::RouteId;

impl Lines {
    /// The next domain that DNS is to be asked for, and by which route its mail goes.
    pub(in crate::core) fn next_to_ask(&mut self) -> Option<(RouteId, Arc<str>)> {
        while self.asking < RESOLVING_MAX {
            let domain = self.to_ask.pop_front()?;
            let state = self.domain(&domain);
            if state.asking.is_empty() {
                state.is_asked = false;
                continue;
            }
            let route = state.route;
            self.asking += 1;
            return Some((route, domain));
        }
        None
    }

    /// DNS has said where the mail of a domain goes: whoever waited for that stands in line.
    pub(in crate::core) fn resolved(
        &mut self,
        domain: &Arc<str>,
        way: WayId,
        valid_until: Timestamp,
    ) {
        self.asking -= 1;
        let state = self.domain(domain);
        state.is_asked = false;
        state.way = Some((way, valid_until));
        for strand in std::mem::take(&mut state.asking) {
            self.stand(strand, way);
        }
    }

    /// There is no way to a domain. Whoever waited for one stands nowhere then.
    pub(in crate::core) fn unresolved(&mut self, domain: &Arc<str>) -> Vec<StrandId> {
        self.asking -= 1;
        let state = self.domain(domain);
        state.is_asked = false;
        let strands = std::mem::take(&mut state.asking);
        for strand in &strands {
            self.displace(*strand);
        }
        strands
    }
}
