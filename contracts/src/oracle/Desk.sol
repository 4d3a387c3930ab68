// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

import {IFeedRegistry} from "../interfaces/IFeedRegistry.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IOperatorStaking} from "../interfaces/IOperatorStaking.sol";
import {IVerifierRouter} from "../interfaces/IVerifier.sol";
import {Acceptance} from "./Acceptance.sol";
import {ProofChecks} from "./ProofChecks.sol";
import {OracleStore} from "./Store.sol";

/// @title OracleDesk
/// @notice The half of the oracle that asks, promises and refunds. It exists because one contract's code may not be
/// larger than 24,576 bytes: the oracle deploys it, and runs it on its own storage by delegatecall. It cannot be
/// exchanged.
/// @dev Called at its own address every verb reverts: no token is listed there, no request is open, and its owner is
/// the oracle, which never calls it otherwise than by delegatecall.
contract OracleDesk is Acceptance {
    constructor(IModelRegistry models_, IFeedRegistry feeds_, IVerifierRouter router_, IOperatorStaking staking_)
        Ownable(msg.sender)
        ProofChecks(models_, feeds_, router_)
        OracleStore(staking_)
    {}
}
