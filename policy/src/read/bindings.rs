//! Bindings: which policy, in which repositories, for whom.

use sluicegate_model::strict_yaml::{Fields, Node};

use super::{Document, DocumentReader};
use crate::askers::Client;
use crate::binding::Binding;

impl DocumentReader<'_> {
    pub(super) fn binding(&mut self, name: String, text: String, node: &Node) -> Option<Document> {
        let mut fields = self.kept(Fields::of(node))?;
        let (policy, repositories) = (fields.require("policy"), fields.require("repositories"));
        let clients = fields.take("clients");
        fields.finish(&mut self.mistakes);
        self.check_delegated_clients(clients);
        let clients = clients.map_or_else(|| Some(Vec::new()), |node| self.clients(node));
        let place = self.kept(policy)?;
        let policy = self.kept(place.text())?.to_owned();
        let list = self.kept(repositories)?;
        let repositories = self.images(list)?;
        self.check_delegated_images(list, &repositories);
        let binding = Binding {
            name,
            text,
            policy,
            repositories,
            clients: clients?,
            delegated_by: self.delegated_by(),
        };
        Some(Document::Binding(binding, place.clone()))
    }

    /// Reads whom a binding is for. An empty list would mean everybody, so it is none.
    fn clients(&mut self, node: &Node) -> Option<Vec<Client>> {
        let items = self.kept(node.list())?;
        if items.is_empty() {
            self.mistakes.push(node.wanted("at least one client"));
        }
        items.iter().map(|item| self.client(item)).collect()
    }

    fn client(&mut self, node: &Node) -> Option<Client> {
        let client = Client::parse(self.kept(node.text())?);
        let wanted = "key:NAME, cert:NAME, a network or an address";
        self.kept(client.ok_or_else(|| node.wanted(wanted)))
    }
}
