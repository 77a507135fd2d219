//! Whoever runs the installation, for stories of the operator's pages.

use kernel::{PlatformRole, Role};

use crate::{Person, Story};

impl Story {
    /// Somebody with these roles on the whole installation, signed in with the second factor that such roles need; in the story's
    /// business they only sell.
    pub async fn operator(&self, roles: &[PlatformRole]) -> Person {
        let person = self.member(&[Role::Seller]).await;
        self.second_factor(&person).await;
        let codes: Vec<&str> = roles.iter().map(|role| role.code()).collect();
        let mut system = self.db.system("story.operator").await.unwrap();
        let changed = sqlx::query("UPDATE identity.account SET platform_roles = $2 WHERE id = $1")
            .bind(person.account.unwrap().uuid())
            .bind(codes)
            .execute(system.conn())
            .await
            .unwrap();
        assert_eq!(changed.rows_affected(), 1);
        system.commit().await.unwrap();
        person
    }
}
